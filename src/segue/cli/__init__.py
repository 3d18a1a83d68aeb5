"""The command line: parse, call, render. One command per file, loaded when it is called."""
