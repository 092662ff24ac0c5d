//! Convolutions and poolings against their definitions, element by element in `f64`.

use super::super::simd::Isa;
use super::{Convolution, Pooling, Scratch, Window};

fn numbers(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    (0..count)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        })
        .collect()
}

/// Every position, element of the kernel and covered place within the data.
fn taps(w: &Window) -> Vec<(usize, usize, usize)> {
    let flat = |at: [usize; 3], of: [usize; 3]| (at[0] * of[1] + at[1]) * of[2] + at[2];
    let all = |of: [usize; 3]| {
        let n: usize = of.iter().product();
        (0..n).map(move |i| [i / (of[1] * of[2]), i / of[2] % of[1], i % of[2]])
    };
    let mut list = Vec::new();
    for position in all(w.positions) {
        for tap in all(w.kernel) {
            let place: [isize; 3] = std::array::from_fn(|axis| {
                (position[axis] * w.stride[axis] + tap[axis] * w.dilation[axis]) as isize - w.pad[axis] as isize
            });
            if (0..3).all(|axis| (0..w.size[axis] as isize).contains(&place[axis])) {
                list.push((flat(position, w.positions), flat(tap, w.kernel), flat(place.map(|p| p as usize), w.size)));
            }
        }
    }
    list
}

fn windows() -> Vec<Window> {
    vec![
        Window::new(&[28, 28], &[5, 5], &[1, 1], &[0, 0], &[1, 1]),
        Window::new(&[9, 7], &[3, 2], &[2, 3], &[1, 1], &[1, 1]),
        Window::new(&[8, 11], &[3, 3], &[1, 2], &[2, 1], &[2, 3]),
        Window::new(&[17], &[4], &[3], &[2], &[1]),
        Window::new(&[4, 5, 6], &[2, 3, 2], &[1, 2, 1], &[1, 0, 1], &[1, 1, 2]),
        Window::new(&[3, 3], &[3, 3], &[1, 1], &[0, 0], &[1, 1]),
        Window::new(&[2, 2], &[1, 1], &[3, 3], &[0, 0], &[1, 1]),
    ]
}

fn close(got: &[f32], want: &[f64]) {
    assert_eq!(got.len(), want.len());
    for (got, want) in got.iter().zip(want) {
        assert!((f64::from(*got) - want).abs() < 2e-4, "{got} is not {want}");
    }
}

#[test]
fn convolutions_and_gradients_equal_their_definition() {
    for window in windows() {
        for (samples, maps_in, maps_out, groups) in
            [(2, 3, 5, 1), (19, 1, 8, 1), (3, 4, 6, 2), (2, 16, 35, 1), (1, 36, 17, 1)]
        {
            let conv = Convolution::new(samples, [maps_in, maps_out], groups, window);
            let (volume, places, kernel) = (window.volume(), window.places(), window.taps());
            let per_group = maps_in / groups;
            let x = numbers(samples * maps_in * volume, 1);
            let w = numbers(maps_out * per_group * kernel, 2);
            // Behind a pooling most are zero.
            let mut dy = numbers(samples * maps_out * places, 3);
            dy.iter_mut().filter(|dy| **dy < 0.3 && groups == 1).for_each(|dy| *dy = 0.0);
            let (mut y, mut dx, mut dw) = (vec![0f64; dy.len()], vec![0f64; x.len()], vec![0f64; w.len()]);
            let taps = taps(&window);
            for sample in 0..samples {
                for out in 0..maps_out {
                    for map in 0..per_group {
                        let source = sample * maps_in + out / (maps_out / groups) * per_group + map;
                        for &(position, tap, place) in &taps {
                            let iy = (sample * maps_out + out) * places + position;
                            let iw = (out * per_group + map) * kernel + tap;
                            let ix = source * volume + place;
                            y[iy] += f64::from(x[ix]) * f64::from(w[iw]);
                            dx[ix] += f64::from(dy[iy]) * f64::from(w[iw]);
                            dw[iw] += f64::from(dy[iy]) * f64::from(x[ix]);
                        }
                    }
                }
            }
            let mut results = Vec::new();
            for &isa in Isa::available() {
                let conv = conv.clone().on(isa);
                let mut scratch = Scratch::new();
                let mut got = [vec![9f32; y.len()], vec![9f32; x.len()], vec![9f32; w.len()]];
                let mut partials = vec![9f32; conv.partials_len()];
                // SAFETY: the vectors have the sizes of their shapes.
                unsafe {
                    let (mut columns, mut rows) = (vec![9f32; conv.columns_len()], vec![9f32; conv.rows_len()]);
                    (0..conv.column_tiles()).for_each(|tile| conv.pack_columns(tile, w.as_ptr(), columns.as_mut_ptr()));
                    (0..conv.row_tiles()).for_each(|tile| conv.pack_rows(tile, w.as_ptr(), rows.as_mut_ptr()));
                    for tile in 0..conv.tiles() {
                        conv.forward(tile, x.as_ptr(), columns.as_ptr(), got[0].as_mut_ptr(), &mut scratch);
                        conv.data_gradient(tile, dy.as_ptr(), rows.as_ptr(), got[1].as_mut_ptr(), &mut scratch);
                    }
                    for tile in (0..conv.weight_tiles()).rev() {
                        conv.weight_gradient(tile, x.as_ptr(), dy.as_ptr(), partials.as_mut_ptr(), &mut scratch);
                    }
                    for tile in 0..conv.row_tiles() {
                        conv.finish_weight(tile, partials.as_ptr(), got[2].as_mut_ptr(), &mut scratch);
                    }
                }
                close(&got[0], &y);
                close(&got[1], &dx);
                close(&got[2], &dw);
                results.push(got);
            }
            assert!(results.iter().all(|r| *r == results[0]), "instruction sets differ");
        }
    }
}

#[test]
fn poolings_and_gradients_equal_their_definition() {
    let mut windows = windows();
    windows.push(Window::new(&[24, 24], &[2, 2], &[2, 2], &[0, 0], &[1, 1]));
    windows.push(Window::new(&[5, 7], &[2, 2], &[2, 2], &[0, 0], &[1, 1]));
    windows.push(Window::new(&[6, 6], &[3, 3], &[2, 2], &[1, 1], &[1, 1]));
    for window in windows.into_iter().filter(|w| (0..3).all(|axis| w.pad[axis] <= w.kernel[axis] / 2)) {
        let maps = 70;
        let (volume, places) = (window.volume(), window.places());
        // Few distinct values, so that ties occur, and a NaN.
        let mut x: Vec<f32> = numbers(maps * volume, 1).iter().map(|x| (x * 4.0).round()).collect();
        x[volume / 2] = f32::NAN;
        let dy = numbers(maps * places, 2);
        let mut winners: Vec<Option<usize>> = vec![None; maps * places];
        let (mut sum, mut spread) = (vec![0f32; maps * places], vec![0f64; maps * volume]);
        for map in 0..maps {
            for &(position, _, place) in &taps(&window) {
                let (from, to) = (map * volume + place, map * places + position);
                let beaten = winners[to].is_none_or(|b| x[from] > x[b] || (x[from].is_nan() && !x[b].is_nan()));
                winners[to] = if beaten { Some(from) } else { winners[to] };
                sum[to] += x[from];
                spread[from] += f64::from(dy[to]);
            }
        }
        for &isa in Isa::available() {
            let pooling = Pooling::new(maps, window).on(isa);
            let mut got = [vec![9f32; dy.len()], vec![9f32; x.len()], vec![9f32; dy.len()], vec![9f32; x.len()]];
            for tile in 0..pooling.tiles() {
                // SAFETY: the vectors have the sizes of their shapes.
                unsafe {
                    pooling.max(tile, x.as_ptr(), got[0].as_mut_ptr());
                    pooling.max_gradient(tile, x.as_ptr(), dy.as_ptr(), got[1].as_mut_ptr());
                    pooling.sum(tile, x.as_ptr(), got[2].as_mut_ptr());
                    pooling.sum_gradient(tile, dy.as_ptr(), got[3].as_mut_ptr());
                }
            }
            let mut by_x = vec![0f64; x.len()];
            for (to, winner) in winners.iter().enumerate() {
                let winner = winner.expect("every window covers data");
                assert!(got[0][to] == x[winner] || (got[0][to].is_nan() && x[winner].is_nan()));
                assert!(got[2][to] == sum[to] || (got[2][to].is_nan() && sum[to].is_nan()));
                by_x[winner] += f64::from(dy[to]);
            }
            close(&got[1], &by_x);
            close(&got[3], &spread);
        }
    }
}
