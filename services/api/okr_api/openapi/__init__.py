"""The OpenAPI document, made true: from the routes and types alone, so that a new route needs nothing but its declaration.

What the framework makes of them is completed here, by one idea a module: the headers of requests and answers, the bounds of
every text, list and whole number, an example for every body, links from what was made to what can be done with it.
"""
