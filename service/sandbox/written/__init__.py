"""What vendors' own pages say beyond their CapabilityStatements, as one book of rules for each; `vendor` plays from them.

`frame` says what a book is, `parts` builds entries that several vendors share, `listed` reads a statement as entries, and
each vendor has a module of its own. An entry carries the number of its row in the table of docs/sandbox.md. A module here
answers from what it is given: it asks no server, reads no clock and keeps nothing.
"""
