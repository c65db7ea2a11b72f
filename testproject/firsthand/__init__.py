"""FirstHand: jobs for people with cameras. A key on every POST, and the first answer to every retry."""
