"""Steps of Gymnasium's classic control envs in Python floats, bit for bit equal: the same operations in the same order and precision.

Each function reads an env's constants and state. It returns the state and a step function, which maps a state and an action to the next
state, its observation and the reward. The step function returns None if the env itself has to make the step, because the episode ends or
the action is invalid. Sines are NumPy's where Gymnasium's are, and squares are powers, which round differently from products.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from gymnasium.envs import classic_control

# Python floats, or NumPy scalars where the env's precision differs
State = Sequence[Any]
Step = Callable[[State, Any], tuple[State, State, float] | None]
Physics = Callable[[Any], tuple[State, Step]]


def pendulum(env: Any) -> tuple[State, Step]:
    dt, max_speed, max_torque = env.dt, env.max_speed, np.float32(env.max_torque)
    weight, push = 3 * env.g / (2 * env.l), 3.0 / (env.m * env.l**2)

    def step(state: State, action: np.ndarray) -> tuple[State, State, float]:
        theta, speed = state
        torque = env.last_u = min(max(action[0], -max_torque), max_torque)  # float32, as is everything computed only from it
        cost = ((theta + math.pi) % (2 * math.pi) - math.pi) ** 2 + 0.1 * speed**2 + float(0.001 * torque**2)
        speed = min(max(speed + (weight * float(np.sin(theta)) + float(push * torque)) * dt, -max_speed), max_speed)
        theta = theta + speed * dt
        return (theta, speed), (np.cos(theta), np.sin(theta), speed), -cost

    return np.asarray(env.state).tolist(), step


def cart_pole(env: Any) -> tuple[State, Step]:
    forces, reward = (-env.force_mag, env.force_mag), 0.0 if env._sutton_barto_reward else 1.0
    gravity, length, pole, pole_length, total, tau = (
        getattr(env, name) for name in ("gravity", "length", "masspole", "polemass_length", "total_mass", "tau")
    )
    max_x, max_theta, is_euler = env.x_threshold, env.theta_threshold_radians, env.kinematics_integrator == "euler"

    def step(state: State, action: np.integer[Any]) -> tuple[State, State, float] | None:
        if not 0 <= action < len(forces):
            return None
        x, x_dot, theta, theta_dot = state
        cos, sin = float(np.cos(theta)), float(np.sin(theta))
        pushed = (forces[action] + pole_length * (theta_dot * theta_dot) * sin) / total
        theta_acceleration = (gravity * sin - cos * pushed) / (length * (4.0 / 3.0 - pole * (cos * cos) / total))
        x_acceleration = pushed - pole_length * theta_acceleration * cos / total
        next_x_dot = x_dot + tau * x_acceleration
        next_theta_dot = theta_dot + tau * theta_acceleration
        x = x + tau * (x_dot if is_euler else next_x_dot)
        theta = theta + tau * (theta_dot if is_euler else next_theta_dot)
        if x < -max_x or x > max_x or theta < -max_theta or theta > max_theta:
            return None
        next_state = (x, next_x_dot, theta, next_theta_dot)
        return next_state, next_state, reward

    return np.asarray(env.state).tolist(), step


def mountain_car(env: Any) -> tuple[State, Step]:
    force, gravity, max_speed, low, high = env.force, -env.gravity, env.max_speed, env.min_position, env.max_position
    goal, goal_speed = env.goal_position, env.goal_velocity

    def step(state: State, action: np.integer[Any]) -> tuple[State, State, float] | None:
        if not 0 <= action < 3:
            return None
        position, speed = state
        speed += (int(action) - 1) * force + math.cos(3 * position) * gravity
        speed = min(max(speed, -max_speed), max_speed)
        position = min(max(position + speed, low), high)
        if position == low and speed < 0:
            speed = 0.0
        if position >= goal and speed >= goal_speed:
            return None
        next_state = (position, speed)
        return next_state, next_state, -1.0

    return np.asarray(env.state).tolist(), step


def continuous_mountain_car(env: Any) -> tuple[State, Step]:
    """In float32 from the second step of an episode on, with the same scalar types as the env."""
    power, max_speed, low, high = env.power, env.max_speed, env.min_position, env.max_position
    goal, goal_speed, min_action, max_action = env.goal_position, env.goal_velocity, env.min_action, env.max_action

    def step(state: State, action: np.ndarray) -> tuple[State, State, float] | None:
        position, speed = state
        push = action[0]
        speed = speed + (min(max(push, min_action), max_action) * power - 0.0025 * math.cos(3 * position))
        speed = max_speed if speed > max_speed else -max_speed if speed < -max_speed else speed
        position = position + speed
        position = high if position > high else low if position < low else position
        if position == low and speed < 0:
            speed = 0
        if position >= goal and speed >= goal_speed:
            return None
        next_state = (np.float32(position), np.float32(speed))
        return next_state, next_state, 0 - math.pow(push, 2) * 0.1

    return tuple(env.state), step


def acrobot(env: Any) -> tuple[State, Step]:
    m1, m2, l1, lc1, lc2, inertia = (
        getattr(env, name) for name in ("LINK_MASS_1", "LINK_MASS_2", "LINK_LENGTH_1", "LINK_COM_POS_1", "LINK_COM_POS_2", "LINK_MOI")
    )
    g, dt, max_speeds, torques = 9.8, env.dt, (env.MAX_VEL_1, env.MAX_VEL_2), [float(torque) for torque in env.AVAIL_TORQUE]
    is_nips, is_noisy, quarter = env.book_or_nips == "nips", env.torque_noise_max > 0, math.pi / 2

    def slope(state: State, torque: float) -> State:
        theta1, theta2, speed1, speed2 = state
        cos2, sin2 = float(np.cos(theta2)), float(np.sin(theta2))
        d1 = m1 * lc1**2 + m2 * (l1**2 + lc2**2 + 2 * l1 * lc2 * cos2) + inertia + inertia
        d2 = m2 * (lc2**2 + l1 * lc2 * cos2) + inertia
        phi2 = m2 * lc2 * g * float(np.cos(theta1 + theta2 - quarter))
        phi1 = (
            -m2 * l1 * lc2 * speed2**2 * sin2
            - 2 * m2 * l1 * lc2 * speed2 * speed1 * sin2
            + (m1 * lc1 + m2 * l1) * g * float(np.cos(theta1 - quarter))
            + phi2
        )
        numerator = torque + d2 / d1 * phi1 - (0.0 if is_nips else m2 * l1 * lc2 * speed1**2 * sin2) - phi2
        acceleration2 = numerator / (m2 * lc2**2 + inertia - d2**2 / d1)
        return speed1, speed2, -(d2 * acceleration2 + phi1) / d1, acceleration2

    def wrap(theta: float) -> float:
        while theta > math.pi:
            theta = theta - 2 * math.pi
        while theta < -math.pi:
            theta = theta + 2 * math.pi
        return theta

    def step(state: State, action: np.integer[Any]) -> tuple[State, State, float] | None:
        if is_noisy or not 0 <= action < len(torques):
            return None
        torque = torques[action]
        k1 = slope(state, torque)
        k2 = slope([y + dt / 2.0 * k for y, k in zip(state, k1, strict=True)], torque)
        k3 = slope([y + dt / 2.0 * k for y, k in zip(state, k2, strict=True)], torque)
        k4 = slope([y + dt * k for y, k in zip(state, k3, strict=True)], torque)
        theta1, theta2, *speeds = (y + dt / 6.0 * (a + 2 * b + 2 * c + d) for y, a, b, c, d in zip(state, k1, k2, k3, k4, strict=True))
        theta1, theta2 = wrap(theta1), wrap(theta2)
        speed1, speed2 = (min(max(speed, -limit), limit) for speed, limit in zip(speeds, max_speeds, strict=True))
        cos1 = np.cos(theta1)
        if -cos1 - np.cos(theta2 + theta1) > 1.0:
            return None
        observation = (cos1, np.sin(theta1), np.cos(theta2), np.sin(theta2), speed1, speed2)
        return (theta1, theta2, speed1, speed2), observation, -1.0

    return np.asarray(env.state).tolist(), step


PHYSICS: dict[type, Physics] = {
    classic_control.PendulumEnv: pendulum,
    classic_control.CartPoleEnv: cart_pole,
    classic_control.MountainCarEnv: mountain_car,
    classic_control.Continuous_MountainCarEnv: continuous_mountain_car,
    classic_control.AcrobotEnv: acrobot,
}
