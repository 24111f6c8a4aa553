"""What a bundle's figures on IMDB do not say: where in a text it sees sentiment, and what it does on other texts."""
