//! `log.csv`: a line for each point of a run's history, written as it happens, so that an interrupted run keeps what it had.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use super::history::{History, Point};

/// A log that is being written.
#[derive(Debug)]
pub struct Log {
    file: File,
}

impl Log {
    /// Creates the file with its header line and a line for each point that `history` already has.
    ///
    /// The columns are `epoch`, `step`, `seconds`, then for each series `train.NAME` and `validation.NAME`, then for each group of
    /// losses `lr.NAME`.
    ///
    /// # Errors
    /// What the system says when the file cannot be written.
    pub fn create(path: &Path, history: &History) -> io::Result<Log> {
        let mut log = Log { file: File::create(path)? };
        let mut cells = vec!["epoch".to_string(), "step".to_string(), "seconds".to_string()];
        for series in &history.series {
            cells.push(format!("train.{}", series.name));
            cells.push(format!("validation.{}", series.name));
        }
        cells.extend(history.groups.iter().map(|group| format!("lr.{group}")));
        log.write(&cells)?;
        history.points.iter().try_for_each(|point| log.append(point))?;
        Ok(log)
    }

    /// Appends a line. A value that was not measured leaves its cell empty; others keep every digit.
    ///
    /// # Errors
    /// What the system says when the file cannot be written, such as a full disk.
    pub fn append(&mut self, point: &Point) -> io::Result<()> {
        let mut cells =
            vec![point.epoch.to_string(), point.step.to_string(), format!("{:.3}", point.elapsed.as_secs_f64())];
        for (train, validation) in point.train.iter().zip(&point.validation) {
            cells.extend([train, validation].map(|value| value.map_or(String::new(), |value| format!("{value}"))));
        }
        cells.extend(point.rates.iter().map(f64::to_string));
        self.write(&cells)
    }

    /// Writes one line at once, so that a reader never sees half of one.
    fn write(&mut self, cells: &[String]) -> io::Result<()> {
        let mut line = csv::Writer::from_writer(Vec::new());
        line.write_record(cells)?;
        self.file.write_all(&line.into_inner().map_err(|error| io::Error::other(error.to_string()))?)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::history::{Axis, Kind, Series};
    use super::*;

    #[test]
    fn each_point_is_a_line_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.csv");
        let series = |name: &str, kind| Series { name: name.to_string(), kind };
        let mut history = History::new(vec![series("loss", Kind::Loss), series("a, b", Kind::Metric)], Axis::Epochs);
        let point = |epoch, loss| Point {
            epoch,
            step: 10 * epoch,
            elapsed: Duration::from_millis(1500 * epoch),
            train: vec![Some(loss), None],
            validation: vec![Some(f64::NAN), Some(0.5)],
            rates: vec![2e-4, 0.5],
        };
        history.groups = vec!["d".to_string(), "g".to_string()];
        history.points.push(point(1, 0.1 + 0.2));
        let mut log = Log::create(&path, &history).unwrap();
        let header = "epoch,step,seconds,train.loss,validation.loss,\"train.a, b\",\"validation.a, b\",lr.d,lr.g\n";
        let first = format!("{header}1,10,1.500,0.30000000000000004,NaN,,0.5,0.0002,0.5\n");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), first);
        log.append(&point(2, 0.25)).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{first}2,20,3.000,0.25,NaN,,0.5,0.0002,0.5\n"));
        assert!(Log::create(&folder.path().join("none/log.csv"), &history).is_err());
    }
}
