"""What the cases of all dialects share."""

# The most words of one choice that get a case each: voices and error codes differ in nothing else.
LITERALS_MAX = 8
