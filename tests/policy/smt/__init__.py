"""An independent judge of "no new access": policies as SMT formulas, decided by cvc5.

Written from the AWS documentation alone, without the package's own reading of policies: it takes
policy documents as JSON and shares no code with what it judges.
"""
