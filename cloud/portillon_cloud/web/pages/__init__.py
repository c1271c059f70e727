"""The pages for staff: one file per page or family of pages. HTML in templates/, numbers from reports/."""
