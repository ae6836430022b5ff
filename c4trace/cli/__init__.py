"""The command `c4trace`: one file a verb."""
