//! What to write when samples have another shape than an input: told apart by the ways in which arrays are usually stored.

use super::error::Around;
use super::want::{Element, Fault, Size, list};

/// The most channels that a picture has.
const CHANNELS: usize = 4;

/// The fault of samples of shape `found` for an input of `wanted` sizes.
pub(super) fn misfit(found: &[usize], wanted: &[Size], element: Element) -> Fault {
    let has = if found.is_empty() { "is a single number".to_owned() } else { format!("has shape {}", list(found)) };
    let takes = if wanted.is_empty() { "a single one".to_owned() } else { list(wanted) };
    let fault = Fault::new(format!("each sample {has}, the input takes {takes}"));
    let known: Option<Vec<usize>> =
        wanted.iter().map(|size| if let Size::Known(size) = size { Some(*size) } else { None }).collect();
    let Some(known) = known else { return fault };
    if let ([height, width, channels], [c, h, w]) = (found, &known[..])
        && is_last(found)
        && is_first(&known)
    {
        return channels_last([*channels, *height, *width], [*c, *h, *w], fault);
    }
    if let ([c, h, w], true) = (&known[..], is_first(&known)) {
        if let ([channels, height, width], true) = (found, is_first(found)) {
            return pictures([*channels, *height, *width], [*c, *h, *w], fault);
        }
        if *found == known[1..] {
            return fault.help(format!("its pictures have no axis of channels: declare the input as [1, {h}, {w}]"));
        }
    }
    if let ([c, h, w], true) = (found, is_first(found))
        && known == [*h, *w, *c]
    {
        let list = list(found);
        return fault
            .help(format!("the file has the channels first, as convolutions take them: declare the input as {list}"));
    }
    otherwise(found, &known, element, fault)
}

/// Whether these are the sizes of a picture with its channels last.
fn is_last(sizes: &[usize]) -> bool {
    matches!(*sizes, [h, w, c] if h > CHANNELS && w > CHANNELS && c <= CHANNELS)
}

/// Whether these are the sizes of a picture with its channels first.
fn is_first(sizes: &[usize]) -> bool {
    matches!(*sizes, [c, h, w] if h > CHANNELS && w > CHANNELS && c <= CHANNELS)
}

/// A picture whose channels come last, for an input whose channels come first; both are given as channels, height, width.
fn channels_last(found: [usize; 3], wanted: [usize; 3], fault: Fault) -> Fault {
    let [channels, height, width] = found;
    let why = "the file has the channels last, convolutions take them first";
    if found == wanted {
        return fault.around(why, Around::new("transpose(", ", [2, 0, 1])"));
    }
    if (wanted[1], wanted[2]) != (height, width) {
        let declare = format!("declare the input as {}", list(&found));
        return fault.help(format!("{why}: {declare}, and write `transpose(.., [2, 0, 1])`"));
    }
    if (channels, wanted[0]) == (3, 1) {
        let gray = "its pictures are coloured, with the channels last; their mean is gray";
        return fault.around(gray, Around::new("mean(", ", axis = 2)"));
    }
    let first = "the file has the channels last";
    fault.help(format!("{first}: declare the input as {}, and write `transpose(.., [2, 0, 1])`", list(&found)))
}

/// Pictures of other channels or of another size, channels first.
fn pictures(found: [usize; 3], wanted: [usize; 3], fault: Fault) -> Fault {
    if found[1..] != wanted[1..] {
        let [_, height, width] = found;
        let sizes = format!("its pictures are {height} high and {width} wide");
        return fault.help(format!("{sizes}: resize them, or declare the input as {}", list(&found)));
    }
    match (found[0], wanted[0]) {
        (3, 1) => fault.around("its pictures are coloured; their mean is gray", Around::new("mean(", ", axis = 0)")),
        (1, _) => fault.help(format!("its pictures are gray: declare the input as {}", list(&found))),
        (4, 3) => fault.around("its pictures are transparent; without the opacity", Around::new("(", ")[:3]")),
        _ => fault.help(format!("declare the input as {}", list(&found))),
    }
}

/// What is no picture.
fn otherwise(found: &[usize], known: &[usize], element: Element, fault: Fault) -> Fault {
    if found.is_empty() {
        return fault.help(format!("declare the input as `{element}`; the batch axis is never written"));
    }
    if let (Element::Index(classes), [], [only]) = (element, known, &long(found)[..])
        && classes == *only
    {
        return fault
            .around("if these are one-hot rows, their largest number tells the class", Around::new("argmax(", ")"));
    }
    if let Some(of_one) = without_batch(found, known) {
        return fault.help(format!("the batch axis is never written: declare one sample, {}", list(of_one)));
    }
    if let Some(order) = permutation(found, known) {
        return fault
            .around("the same axes in another order", Around::new("transpose(", format!(", {})", list(&order))));
    }
    let count: usize = known.iter().product();
    if found.iter().product::<usize>() == count && !known.is_empty() {
        let around = Around::new("reshape(", format!(", {})", list(known)));
        return fault.around(format!("both hold {count} numbers"), around);
    }
    fault
}

fn long(sizes: &[usize]) -> Vec<usize> {
    sizes.iter().copied().filter(|size| *size != 1).collect()
}

/// `known` without its first axis, if what remains are the samples that were found: the first axis was meant to be the minibatch's.
fn without_batch<'k>(found: &[usize], known: &'k [usize]) -> Option<&'k [usize]> {
    let (first, rest) = known.split_first()?;
    (*first != 1 && long(found) == long(rest)).then_some(rest)
}

/// Which axis of `found` each of `known` is, if they are the same in another order.
fn permutation(found: &[usize], known: &[usize]) -> Option<Vec<usize>> {
    if found.len() != known.len() {
        return None;
    }
    let mut order: Vec<usize> = Vec::with_capacity(known.len());
    for size in known {
        let axis = (0..found.len()).find(|axis| found[*axis] == *size && !order.contains(axis))?;
        order.push(axis);
    }
    Some(order)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(found: &[usize], known: &[usize]) -> Fault {
        let wanted: Vec<Size> = known.iter().map(|size| Size::Known(*size)).collect();
        misfit(found, &wanted, Element::F32)
    }

    fn advice(found: &[usize], known: &[usize]) -> String {
        fault(found, known).help.map(String::from).unwrap_or_default()
    }

    fn around(found: &[usize], known: &[usize]) -> String {
        fault(found, known).around.map(|around| around.to_string()).unwrap_or_default()
    }

    #[test]
    fn pictures_are_told_by_their_channels() {
        assert_eq!(around(&[28, 28, 3], &[3, 28, 28]), "transpose(.., [2, 0, 1])");
        assert!(advice(&[28, 28, 3], &[3, 28, 28]).starts_with("the file has the channels last"));
        assert!(advice(&[28, 32, 3], &[3, 32, 28]).contains("declare the input as [3, 28, 32], and write `transpose("));
        assert!(advice(&[32, 32, 3], &[3, 28, 28]).contains("declare the input as [3, 32, 32], and write `transpose("));
        assert_eq!(around(&[28, 28, 3], &[1, 28, 28]), "mean(.., axis = 2)");
        assert_eq!(around(&[3, 28, 28], &[1, 28, 28]), "mean(.., axis = 0)");
        assert_eq!(around(&[4, 28, 28], &[3, 28, 28]), "(..)[:3]");
        assert!(advice(&[3, 32, 32], &[3, 28, 28]).contains("32 high and 32 wide"));
        assert!(advice(&[1, 28, 28], &[3, 28, 28]).contains("gray: declare the input as [1, 28, 28]"));
        assert!(advice(&[28, 28], &[3, 28, 28]).contains("declare the input as [1, 28, 28]"));
        assert!(advice(&[3, 28, 28], &[28, 28, 3]).contains("channels first"));
    }

    #[test]
    fn other_arrays_are_told_by_their_sizes() {
        assert_eq!(around(&[7, 2], &[2, 7]), "transpose(.., [1, 0])");
        assert_eq!(around(&[784], &[28, 28]), "reshape(.., [28, 28])");
        assert!(advice(&[4], &[64, 4]).contains("the batch axis is never written: declare one sample, [4]"));
        assert_eq!(advice(&[], &[64]), "declare the input as `f32`; the batch axis is never written");
        assert_eq!(fault(&[], &[64]).message, "each sample is a single number, the input takes [64]");
        assert_eq!(fault(&[4], &[]).message, "each sample has shape [4], the input takes a single one");
        assert_eq!(fault(&[5], &[4]).help, None);
        let one_hot = misfit(&[10], &[], Element::Index(10));
        assert_eq!(one_hot.around.map(|around| around.to_string()).as_deref(), Some("argmax(..)"));
    }
}
