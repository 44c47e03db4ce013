"""Verbs of documents: sales orders, statistics, invoice states, posts."""

from __future__ import annotations

import argparse

from navcrm_recon import open_workspace
from navcrm_recon.cli.show import show, show_jobs
from navcrm_recon.cli.verbs import Verbs, verb, with_output
from navcrm_recon.errors import ConfigError


def add_documents_verbs(verbs: Verbs[argparse.ArgumentParser]) -> None:
    """Add them to the parser."""
    orders = verb(verbs, "orders", _orders, "CRM's sales orders beside what NAV has of them")
    orders.add_argument(
        "--create", action="store_true", help="make the NAV orders of those that wait"
    )
    orders.add_argument(
        "--crm-id",
        metavar="I",
        action="append",
        help="with --create: only this order; may be repeated",
    )
    orders.add_argument(
        "--states",
        action="store_true",
        help="tell CRM which orders were invoiced in NAV, and offer those deleted there again",
    )
    with_output(orders)
    summary = "bring the statistics of accounts and the states of invoices in CRM up to date"
    statistics = verb(verbs, "statistics", _statistics, summary)
    statistics.add_argument(
        "--customer",
        metavar="NO",
        action="append",
        help="only this customer; may be repeated",
    )
    statistics.add_argument(
        "--posts",
        action="store_true",
        help="then post on the accounts what was posted in NAV since the last time",
    )


def _orders(options: argparse.Namespace) -> int:
    if options.crm_id and not options.create:
        raise ConfigError("--crm-id: goes with --create.")
    if options.output and (options.create or options.states):
        raise ConfigError("--output: goes without --create and --states.")
    ws = open_workspace(options.workspace)
    if not (options.create or options.states):
        return show(ws.sales_orders(), options.output)
    jobs = [ws.update_order_states()] if options.states else []
    if options.create:
        jobs.append(ws.create_sales_orders(options.crm_id))
    return show_jobs(jobs)


def _statistics(options: argparse.Namespace) -> int:
    ws = open_workspace(options.workspace)
    jobs = ws.update_statistics(options.customer)
    return show_jobs([*jobs, *ws.post_updates()] if options.posts else jobs)
