"""What a request of each task is: a page for each way of answering."""
