"""nbgrader's settings for this course: run its commands in this folder."""

c = get_config()  # type: ignore[name-defined] # noqa: F821

c.CourseDirectory.course_id = "xaiwidgets"
c.ExecutePreprocessor.timeout = 300  # seconds a cell may take; a slow machine needs more than 30
c.ClearSolutions.code_stub = {"python": "# Your code here\nraise NotImplementedError()"}
c.ClearSolutions.text_stub = "*Your answer here.*"
