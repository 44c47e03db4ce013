"""What is more than a record: orders, invoices, statistics, posts, links, setup (documents)."""
