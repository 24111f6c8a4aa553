"""The HTTP layer below the routes: the uvicorn protocol, load shedding, request bodies, API keys and CORS."""
