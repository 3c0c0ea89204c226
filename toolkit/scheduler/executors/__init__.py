"""Who drives the policy? Threads on the wall clock, and a virtual machine on a virtual one."""
