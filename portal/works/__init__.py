"""Works lists: what a member gives for a campaign, its submissions, and works that two members list."""
