"""Other people's tools, each set up as a careful user would, to be measured beside ours."""
