//! `nnlc import`: what networks of other programs become, that it checks and computes the same, and how files that are not read are told.

use std::fs;

use super::cli::Desk;

#[test]
fn what_cannot_be_read_is_told_with_the_exit_code_of_its_kind() {
    let desk = Desk::with(&[("net.tflite", ""), ("text.onnx", "no network at all\n")]);
    desk.nnlc("import net.tflite").is(2, &["error: `net.tflite` is not of a kind that is read: .onnx (ONNX)"]);
    desk.nnlc("import none.onnx").is(3, &["error: cannot read `none.onnx`: there is no such file"]);
    desk.nnlc("import text.onnx")
        .is(1, &["error: `text.onnx` is not carried over: it is damaged, cut short or no ONNX file"]);
    assert!(fs::metadata(desk.at("text.nn")).is_err(), "nothing is written");
}
