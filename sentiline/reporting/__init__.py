"""Reports on scored reviews: figures gathered chunk by chunk in bounded memory, shown as HTML or PNG."""
