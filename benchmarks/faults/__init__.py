"""`make faults`: many discharges over a failing EHR with workers that are killed; counted by reading the EHR."""
