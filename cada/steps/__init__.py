"""The pipeline's steps, one module each: load the parameters, call the functions that do the work, tell the tracker.

A step is a pure function of the files it is given; what it declares as output holds no times, hosts or run ids.
"""
