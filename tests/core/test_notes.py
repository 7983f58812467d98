import logging

from ca2_core.notes import printed_notes


def test_what_a_package_logs_during_the_block_is_a_line_on_stderr_once(capsys):
    log = logging.getLogger("some_package.module")
    log.info("before")
    with printed_notes("some_package"):
        log.debug("too small a matter")
        log.info("This takes %d s.", 20)
        log.info("This takes %d s.", 20)
        log.warning("%s: can't be written.", "a/b")
    log.info("after")
    assert capsys.readouterr() == ("", "This takes 20 s.\na/b: can't be written.\n")
