"""The command line `exchange`: parse, call, print, exit codes; installed as the package `exchange_cli`."""
