"""The gym whose members owe."""

from dues_gym import gym as gym
