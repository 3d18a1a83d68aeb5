"""What agents do comes into the log: their transcripts, what their hooks spool, what others say line by line."""
