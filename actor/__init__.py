"""The acting process: it steps an environment, follows the newest policy and delivers what happened."""
