"""What a plan wants in the EHR, brought there: the EHR is read once, one pure function decides, one executor acts.

`observe` reads, `reconcile` decides over what is wanted, what was last said and what the EHR shows now, `act` writes and keeps the
receipts; `publish` runs the three until nothing is left to do. `write_policy` and `signatures` stand beside them.
Outside this package call `publish` and `withdraw`. Nothing in here knows the database: a Ledger is handed in.
"""
