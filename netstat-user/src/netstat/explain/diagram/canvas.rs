//! A grid of characters, each one column wide, for boxes and arrows.

/// The line style of a box or an arrow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// The usual one.
    Light,
    /// Highlighted.
    Heavy,
}

/// The grid.
#[derive(Debug, Default)]
pub struct Canvas {
    rows: Vec<Vec<char>>,
}

impl Canvas {
    fn set(&mut self, (x, y): (usize, usize), c: char) {
        if self.rows.len() <= y {
            self.rows.resize(y + 1, Vec::new());
        }
        let row = &mut self.rows[y];
        if row.len() <= x {
            row.resize(x + 1, ' ');
        }
        row[x] = c;
    }

    /// Writes text of characters that are one column wide.
    pub fn text(&mut self, (x, y): (usize, usize), text: &str) {
        for (column, c) in text.chars().enumerate() {
            self.set((x + column, y), c);
        }
    }

    /// Draws a box of that width and height, with a title in its middle row.
    pub fn boxed(
        &mut self,
        (x, y): (usize, usize),
        (width, height): (usize, usize),
        border: Weight,
        title: &str,
    ) {
        let [across, down, corners @ ..] = match border {
            Weight::Light => ['─', '│', '┌', '┐', '└', '┘'],
            Weight::Heavy => ['═', '║', '╔', '╗', '╚', '╝'],
        };
        let (right, bottom) = (x + width - 1, y + height - 1);
        for column in x..=right {
            self.set((column, y), across);
            self.set((column, bottom), across);
        }
        for row in y + 1..bottom {
            self.set((x, row), down);
            self.set((right, row), down);
        }
        for (corner, place) in corners.into_iter().zip([(x, y), (right, y), (x, bottom), (right, bottom)]) {
            self.set(place, corner);
        }
        let inner = width - 2;
        let title = format!("{title:^inner$.inner$}");
        self.text((x + 1, y + height / 2), &title);
    }

    /// Draws an arrow along points to the last one. Each point is in the same row or column as the one before.
    pub fn arrow(&mut self, points: &[(usize, usize)], weight: Weight) {
        let places = places(points);
        for (index, place) in places.iter().enumerate() {
            let before = index.checked_sub(1).map(|before| towards(*place, places[before]));
            let after = places.get(index + 1).map(|after| towards(*place, *after));
            let light = line(before, after);
            self.set(*place, if weight == Weight::Heavy { heavy(light) } else { light });
        }
    }

    /// The rows, without trailing blanks.
    pub fn into_lines(self) -> Vec<String> {
        self.rows.iter().map(|row| row.iter().collect::<String>().trim_end().to_owned()).collect()
    }
}

/// Every position on an arrow along these points.
pub fn places(points: &[(usize, usize)]) -> Vec<(usize, usize)> {
    let mut places: Vec<_> = points.first().copied().into_iter().collect();
    for pair in points.windows(2) {
        let ((mut x, mut y), end) = (pair[0], pair[1]);
        while (x, y) != end {
            x = x.saturating_add_signed((end.0 as isize - x as isize).signum());
            y = y.saturating_add_signed((end.1 as isize - y as isize).signum());
            places.push((x, y));
        }
    }
    places
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Up,
    Down,
    Left,
    Right,
}

fn towards(from: (usize, usize), to: (usize, usize)) -> Side {
    match (to.0.cmp(&from.0), to.1.cmp(&from.1)) {
        (std::cmp::Ordering::Less, _) => Side::Left,
        (std::cmp::Ordering::Greater, _) => Side::Right,
        (_, std::cmp::Ordering::Less) => Side::Up,
        _ => Side::Down,
    }
}

/// The character that connects the neighbours on these sides; the arrow's head if there is no next one.
fn line(before: Option<Side>, after: Option<Side>) -> char {
    use Side::{Down, Left, Right, Up};
    match (before, after) {
        (Some(Up), None) => '▼',
        (Some(Down), None) => '▲',
        (Some(Left), None) => '▶',
        (Some(Right), None) => '◀',
        (Some(Left), Some(Down)) | (Some(Down), Some(Left)) => '┐',
        (Some(Right), Some(Down)) | (Some(Down), Some(Right)) => '┌',
        (Some(Left), Some(Up)) | (Some(Up), Some(Left)) => '┘',
        (Some(Right), Some(Up)) | (Some(Up), Some(Right)) => '└',
        (Some(Up | Down), _) | (None, Some(Up | Down)) => '│',
        _ => '─',
    }
}

/// The highlighted form of a character; a head has none.
fn heavy(light: char) -> char {
    match light {
        '│' => '┃',
        '─' => '━',
        '┐' => '┓',
        '┌' => '┏',
        '┘' => '┛',
        '└' => '┗',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_and_arrows_are_drawn_in_both_styles() {
        let mut canvas = Canvas::default();
        canvas.boxed((0, 0), (6, 3), Weight::Light, "AB");
        canvas.arrow(&[(6, 1), (8, 1), (8, 3), (3, 3)], Weight::Light);
        canvas.arrow(&[(10, 0), (10, 1), (12, 1)], Weight::Heavy);
        canvas.boxed((0, 4), (6, 3), Weight::Heavy, "much too long");
        assert_eq!(
            canvas.into_lines(),
            ["┌────┐    ┃", "│ AB │──┐ ┗━▶", "└────┘  │", "   ◀────┘", "╔════╗", "║much║", "╚════╝"]
        );
    }
}
