"""The gym whose members owe, and the application over it."""

from dues_api import api as api
from dues_gym import gym as gym
