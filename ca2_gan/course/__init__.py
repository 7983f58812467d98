"""Exercises on GANs. The checks of each are in the module of its name."""

from ca2_core.course.exercise import Course, Exercise

EXERCISES: Course = {
    "data": Exercise("letters from a CSV: a missing header, junk, orientation, capitals and small letters", 60, "ca2_gan.course.data", 60),
    "step": Exercise("one step of a GAN: two losses, two optimizers, whose gradients are whose", 60, "ca2_gan.course.step", 60),
    "conditional": Exercise("a GAN that makes the letter that it is asked for, in many shapes", 90, "ca2_gan.course.conditional", 300),
    "judge": Exercise("the Frechet distance, its bias, and the floor that it is compared with", 60, "ca2_gan.course.judge", 60),
}
