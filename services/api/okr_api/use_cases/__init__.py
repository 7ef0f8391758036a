"""What callers do. A use case takes the Work (or a connection to read from), never a request, and never commits."""
