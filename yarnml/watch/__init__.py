"""What a job did: its history, and the views of it."""
