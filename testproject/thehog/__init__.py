"""The Hog: work for later, a credit for each job. A key makes sure that a job is accepted, and paid for, once."""
