"""A gallery of the results that opens in a browser, from the disk alone."""

from detector.folders.report.gallery import PAGE, Report, check_report_folder, write_report

__all__ = ["PAGE", "Report", "check_report_folder", "write_report"]
