//! One stored picture: its format, told from its first bytes, and its pixels as planes of channels.
//!
//! Knows no names of files and no folders; `path` is for messages alone.

use std::io::{BufRead, Seek};
use std::path::Path;

use image::codecs::bmp::BmpDecoder;
use image::error::UnsupportedErrorKind;
use image::{ColorType, ImageDecoder, ImageError, ImageFormat, ImageReader};

use super::binary::{Number, fill};
use super::error::{DataError, DataErrorKind};
use super::header::Header;
use super::open::signature;

/// The most bytes that a picture may claim to have; a damaged header may claim anything.
const LARGEST: u64 = 1 << 31;

/// A picture whose header is read.
pub(super) struct Stored<'r> {
    decoder: Box<dyn ImageDecoder + 'r>,
    kept: Kept,
}

/// Which of the decoder's channels are the picture's.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kept {
    All,
    /// The first of three alike: a palette of grays.
    Gray,
    /// Red, green and blue, black where the opacity is 0: a GIF, whose frames do not say beforehand whether they are opaque.
    Opaque,
}

impl<'r> Stored<'r> {
    /// Reads a picture's header.
    ///
    /// # Errors
    /// What is no picture, or one that is damaged or of a kind that is not read.
    pub fn open(path: &Path, mut file: impl BufRead + Seek + 'r) -> Result<Stored<'r>, DataError> {
        let mut start = [0; 16];
        let begun = fill(&mut file, &mut start).and_then(|filled| file.rewind().map(|()| filled));
        let filled = begun.map_err(|error| DataError::from_io(path, &error))?;
        let reader = ImageReader::new(file).with_guessed_format().map_err(|error| DataError::from_io(path, &error))?;
        let refuse = |error| fault(path, error);
        Ok(match reader.format().filter(ImageFormat::reading_enabled) {
            None => return Err(no_picture(path, &start[..filled])),
            Some(ImageFormat::Bmp) => {
                let decoder = BmpDecoder::new(reader.into_inner()).map_err(refuse)?;
                let gray =
                    decoder.get_palette().is_some_and(|palette| palette.iter().all(|[r, g, b]| r == g && g == b));
                Stored { decoder: Box::new(decoder), kept: if gray { Kept::Gray } else { Kept::All } }
            }
            Some(format) => {
                let kept = if format == ImageFormat::Gif { Kept::Opaque } else { Kept::All };
                Stored { decoder: Box::new(reader.into_decoder().map_err(refuse)?), kept }
            }
        })
    }

    /// What the picture is: a sample of so many channels, rows and columns.
    ///
    /// # Errors
    /// A kind of picture that is not read, or a size beyond all reason.
    pub fn header(&self, path: &Path) -> Result<Header, DataError> {
        let color = self.decoder.color_type();
        let number = match color {
            ColorType::L8 | ColorType::La8 | ColorType::Rgb8 | ColorType::Rgba8 => Number::U8,
            ColorType::L16 | ColorType::La16 | ColorType::Rgb16 | ColorType::Rgba16 => Number::U16,
            _ => {
                let message = "the picture's numbers are not of 8 or 16 bits";
                return Err(DataError::new(path, DataErrorKind::Unsupported, message).help("convert it to PNG"));
            }
        };
        let (width, height) = self.decoder.dimensions();
        if self.decoder.total_bytes() > LARGEST {
            let message = format!("the picture claims to have {width} x {height} pixels");
            return Err(DataError::new(path, DataErrorKind::Malformed, message));
        }
        let channels = match self.kept {
            Kept::All => usize::from(color.channel_count()),
            Kept::Gray => 1,
            Kept::Opaque => 3,
        };
        Ok(Header { number, shape: vec![channels, height as usize, width as usize], rows: 1 })
    }

    /// The picture's elements, plane after plane.
    ///
    /// # Errors
    /// Those of [`Stored::header`], and pixels that are damaged.
    pub fn planes(self, path: &Path) -> Result<(Header, Vec<u8>), DataError> {
        let header = self.header(path)?;
        let size = header.number.size();
        let stride = usize::from(self.decoder.color_type().channel_count()) * size;
        let mut pixels = vec![0; usize::try_from(self.decoder.total_bytes()).unwrap_or(usize::MAX)];
        self.decoder.read_image_boxed(&mut pixels).map_err(|error| fault(path, error))?;
        if self.kept == Kept::Opaque {
            pixels.chunks_exact_mut(stride).filter(|pixel| pixel[stride - 1] == 0).for_each(|pixel| pixel.fill(0));
        }
        let mut planes = Vec::with_capacity(pixels.len());
        for channel in 0..header.shape[0] {
            let pixels = pixels.chunks_exact(stride);
            planes.extend(pixels.flat_map(|pixel| &pixel[channel * size..(channel + 1) * size]));
        }
        Ok((header, planes))
    }
}

fn no_picture(path: &Path, start: &[u8]) -> DataError {
    let message = "this is no picture that is read here: PNG, JPEG, BMP, GIF or TIFF";
    let error = DataError::new(path, DataErrorKind::Malformed, message);
    match signature(start) {
        Some(what) => error.help(format!("it looks like {what}")),
        None => error.help("convert it to PNG"),
    }
}

fn fault(path: &Path, error: ImageError) -> DataError {
    match error {
        ImageError::IoError(error) => DataError::from_io(path, &error),
        ImageError::Unsupported(error) => {
            let why = match error.kind() {
                UnsupportedErrorKind::Color(color) => format!("its pixels are {color:?}"),
                UnsupportedErrorKind::GenericFeature(why) => why.clone(),
                _ => error.to_string(),
            };
            let message = format!("this kind of picture is not read here: {why}");
            DataError::new(path, DataErrorKind::Unsupported, message).help("convert it to PNG")
        }
        other => DataError::new(path, DataErrorKind::Malformed, format!("the picture is damaged: {other}")),
    }
}
