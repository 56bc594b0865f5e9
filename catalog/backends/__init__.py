"""Other programs than TensorFlow that compute the network of a published model.

Only the network goes to them: `graph` takes it out of the SavedModel, and runs the rest of the SavedModel,
from flux to picture and from probability to class and novelty, with another network in its place.
"""
