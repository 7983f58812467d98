"""The agents on the pendulum at other gravities."""

from reports import DocsTable, Report

from rl_reports import environments

REPORT = Report(
    tables={"agents": DocsTable("The last model over 500 episodes, trained at each gravity", environments.agents)},
    kept=environments.REPORT.kept,
)
