"""Couple, compare and report on Dynamics NAV 2018 and Dynamics 365 for Sales."""
