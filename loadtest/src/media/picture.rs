//! Moving pictures to encode, drawn by arithmetic: somebody who moves and talks before a wall of
//! books, and slides that fill with lines of text. Given as planes of YUV 4:2:0.

/// What is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scene {
    /// A person before a camera: a textured wall, a head that sways, the noise of a sensor.
    Camera,
    /// A shared screen: text that appears line by line, another slide from time to time.
    Screen,
}

/// Writes frame `number` at `width` × `height` into `out`: luma, then both chroma planes.
pub(super) fn draw(
    scene: Scene,
    number: usize,
    (width, height): (usize, usize),
    out: &mut Vec<u8>,
) {
    out.clear();
    // Each pixel by its place in a picture of 1024 × 576, so that all layers show the same.
    let place = |x: usize, y: usize| ((x * 1024 / width) as i32, (y * 576 / height) as i32);
    for y in 0..height {
        for x in 0..width {
            let (px, py) = place(x, y);
            out.push(match scene {
                Scene::Camera => camera_luma(number as i32, px, py, noise(number, x, y)),
                Scene::Screen => screen_luma(number as i32, px, py),
            });
        }
    }
    for plane in 0..2 {
        for y in 0..height / 2 {
            for x in 0..width / 2 {
                let (px, py) = place(x * 2, y * 2);
                out.push(match scene {
                    Scene::Camera => camera_chroma(number as i32, px, py, plane),
                    Scene::Screen => 128,
                });
            }
        }
    }
}

/// Distance of a place from the middle of the head, squared; 1 at its edge is 100.
fn head(number: i32, x: i32, y: i32) -> i32 {
    let (cx, cy) = (512 + triangle(number * 3, 90), 250 + triangle(number * 5, 30));
    let (dx, dy) = ((x - cx) * 10 / 130, (y - cy) * 10 / 170);
    dx * dx + dy * dy
}

fn camera_luma(number: i32, x: i32, y: i32, noise: i32) -> u8 {
    let inside = head(number, x, y);
    let shoulders = y - 430 - (x - 512).abs() / 3;
    let base = if inside < 100 {
        // The mouth opens and closes.
        let mouth = (y - 330).abs() < 4 + triangle(number * 11, 9).abs() && (x - 512).abs() < 60;
        if mouth { 60 } else { 170 - inside / 3 }
    } else if shoulders > 0 {
        70 + triangle(x + number * 3, 12)
    } else {
        // Backs of books, each of its own grey.
        let shelf = y / 96;
        let book = (x + shelf * 37) / 22;
        60 + (book * 7919 + shelf * 104_729) % 120 + triangle(y, 8)
    };
    (base + noise).clamp(16, 235) as u8
}

fn camera_chroma(number: i32, x: i32, y: i32, plane: i32) -> u8 {
    if head(number, x, y) < 100 {
        return if plane == 0 { 110 } else { 150 };
    }
    let book = (x + y / 96 * 37) / 22;
    (112 + (book * 31 + plane * 17) % 32) as u8
}

/// Lines of text that appear one by one; after [`SLIDE_FRAMES`] frames comes another slide.
fn screen_luma(number: i32, x: i32, y: i32) -> u8 {
    let (slide, on_slide) = (number / SLIDE_FRAMES, number % SLIDE_FRAMES);
    let line = y / 32;
    let is_shown = line >= 2 && line <= 2 + on_slide / 2 && x > 60 && x < 960;
    let letter = (x / 12) * 31 + line * 17 + slide * 101;
    let is_ink = is_shown
        && (6..24).contains(&(y % 32))
        && (2..10).contains(&(x % 12))
        && (letter.wrapping_mul(2_654_435) ^ ((x % 12) * 7 + (y % 32) * 13).wrapping_mul(40_503))
            & 0x60
            != 0
        && letter % 6 != 0;
    if is_ink { 30 } else { 232 }
}

/// At five frames a second a slide stays six seconds.
const SLIDE_FRAMES: i32 = 30;

/// Goes up and down between -`height` and `height`.
fn triangle(at: i32, height: i32) -> i32 {
    let period = 4 * height;
    let phase = at.rem_euclid(period);
    if phase < 2 * height { phase - height } else { 3 * height - phase }
}

/// Noise of a sensor: ± 3 around zero, another for each pixel and frame.
fn noise(number: usize, x: usize, y: usize) -> i32 {
    let mut hash = (number as u32).wrapping_mul(0x9e37_79b9)
        ^ (x as u32).wrapping_mul(0x85eb_ca6b)
        ^ (y as u32).wrapping_mul(0xc2b2_ae35);
    hash ^= hash >> 15;
    hash = hash.wrapping_mul(0x2c1b_3c6d);
    (hash >> 28) as i32 / 3 - 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_has_all_its_planes_and_the_next_differs() {
        for scene in [Scene::Camera, Scene::Screen] {
            let [mut first, mut later] = [Vec::new(), Vec::new()];
            draw(scene, 0, (64, 36), &mut first);
            draw(scene, 40, (64, 36), &mut later);
            assert_eq!(first.len(), 64 * 36 * 3 / 2);
            assert_ne!(first, later);
        }
    }
}
