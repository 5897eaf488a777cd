"""A gallery of the results that opens in a browser, from the disk alone."""

from detector.folders.report.gallery import Report, check_report_folder, write_report

__all__ = ["Report", "check_report_folder", "write_report"]
