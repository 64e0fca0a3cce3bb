"""What `homeward COMMAND` does, one module for each command, imported only when it is asked for."""
