"""Mapping + topology -> index arrays; along them, reconstruct and project."""

from herobm.plan.plan import Plan, compile_plan, project, reconstruct
from herobm.plan.template import Library, Template, compile_library

__all__ = [
    "Library",
    "Plan",
    "Template",
    "compile_library",
    "compile_plan",
    "project",
    "reconstruct",
]
