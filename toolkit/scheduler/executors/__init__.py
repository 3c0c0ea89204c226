"""Who drives the policy? Threads by the wall clock, or the simulator by a virtual one."""
