//! Pictures, drawn as SVG: only numbers and texts, which the templates put into elements. They have no styles of their own,
//! and the same numbers stand in a table below each picture.

/// The maximum number of characters of a name in a picture.
const MAX_NAME: usize = 36;

/// One number for each month, as bars.
#[derive(Debug)]
pub(super) struct Bars {
    /// The id of the title.
    pub(super) id: &'static str,
    pub(super) title: String,
    pub(super) each: Vec<Bar>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Bar {
    pub(super) x: usize,
    pub(super) y: usize,
    pub(super) height: usize,
    /// The middle of the bar.
    pub(super) middle: usize,
    /// Where its number stands.
    pub(super) above: usize,
    /// Its number, in thousands if it is large.
    pub(super) number: String,
    pub(super) name: String,
    /// A second line below the name; empty for none.
    pub(super) under: String,
}

impl Bars {
    pub(super) const WIDTH: usize = 360;
    pub(super) const HEIGHT: usize = 190;
    pub(super) const BASE: usize = 150;
    pub(super) const BAR: usize = 20;
    const TOP: usize = 22;

    /// The bars of these numbers, with the name of each and a second line below it.
    pub(super) fn new(id: &'static str, title: String, numbers: Vec<(u32, String, String)>) -> Self {
        let slot = Self::WIDTH / numbers.len().max(1);
        let largest = numbers.iter().map(|(number, ..)| *number).max().unwrap_or_default().max(1);
        let bar = |(at, (number, name, under)): (usize, (u32, String, String))| {
            let full = u64::from(number) * (Self::BASE - Self::TOP) as u64 / u64::from(largest);
            // A number that is not zero is seen.
            let height = usize::try_from(full).unwrap_or_default().max(usize::from(number > 0));
            let (y, middle) = (Self::BASE - height, at * slot + slot / 2);
            Bar {
                x: middle.saturating_sub(Self::BAR / 2),
                y,
                height,
                middle,
                above: y - 6,
                number: compact(number),
                name,
                under,
            }
        };
        Self { id, title, each: numbers.into_iter().enumerate().map(bar).collect() }
    }
}

/// A person, and what leads from them to many things, in groups.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) title: String,
    pub(super) root: Node,
    pub(super) groups: Vec<Node>,
    pub(super) leaves: Vec<Node>,
    /// The lines: where each begins and ends.
    pub(super) to_groups: Vec<(usize, usize)>,
    pub(super) to_leaves: Vec<(usize, usize)>,
    pub(super) height: usize,
}

/// A box with a text. Its `y` is its middle.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) y: usize,
    pub(super) text: String,
}

impl Node {
    fn new(y: usize, text: &str) -> Self {
        Self { y, text: short(text) }
    }

    pub(super) const fn top(&self) -> usize {
        self.y - Tree::BOX / 2
    }
}

impl Tree {
    pub(super) const WIDTH: usize = 760;
    pub(super) const BOX: usize = 26;
    pub(super) const ROOT_WIDTH: usize = 200;
    pub(super) const GROUP_LEFT: usize = 250;
    pub(super) const GROUP_WIDTH: usize = 160;
    pub(super) const LEAF_LEFT: usize = 460;
    pub(super) const LEAF_WIDTH: usize = 300;
    const ROW: usize = 32;

    /// The picture of groups, each with a name, its leaves, and the number of those that are left out.
    pub(super) fn new(title: String, root: &str, groups: &[(&str, Vec<String>, usize)]) -> Self {
        let mut tree = Self {
            title,
            root: Node::new(0, root),
            groups: Vec::new(),
            leaves: Vec::new(),
            to_groups: Vec::new(),
            to_leaves: Vec::new(),
            height: 0,
        };
        let mut y = Self::ROW / 2;
        for (name, leaves, rest) in groups {
            let first = y;
            let rest = (*rest > 0).then(|| format!("and {rest} more"));
            for leaf in leaves.iter().chain(&rest) {
                tree.leaves.push(Node::new(y, leaf));
                y += Self::ROW;
            }
            let middle = usize::midpoint(first, y.saturating_sub(Self::ROW).max(first));
            tree.to_leaves.extend((first..y).step_by(Self::ROW).map(|leaf| (middle, leaf)));
            tree.groups.push(Node::new(middle, name));
        }
        tree.height = y.saturating_sub(Self::ROW / 2).max(Self::ROW);
        tree.root.y = tree.height / 2;
        tree.to_groups = tree.groups.iter().map(|group| (tree.root.y, group.y)).collect();
        tree
    }
}

/// How many of these groups' things are shown if so many can be: some of each, and the rest from the first on.
pub(super) fn shares(sizes: &[usize], total: usize) -> Vec<usize> {
    let each = total / sizes.len().max(1);
    let mut shares: Vec<usize> = sizes.iter().map(|size| (*size).min(each)).collect();
    let mut left = total.saturating_sub(shares.iter().sum());
    for (share, size) in shares.iter_mut().zip(sizes) {
        let more = (size - *share).min(left);
        *share += more;
        left -= more;
    }
    shares
}

/// A number that fits above a bar.
fn compact(number: u32) -> String {
    if number < 10_000 { number.to_string() } else { format!("{}k", number / 1000) }
}

/// The beginning of a text that is too long for a picture.
fn short(text: &str) -> String {
    if text.chars().count() <= MAX_NAME {
        return text.to_owned();
    }
    text.chars().take(MAX_NAME - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_number_has_the_highest_bar() {
        let named = |number: u32| (number, "Jan".to_owned(), String::new());
        let bars = Bars::new("x", "Sign-ins".to_owned(), vec![named(0), named(5), named(10), named(10_000)]).each;
        let heights: Vec<_> = bars.iter().map(|bar| bar.height).collect();
        assert_eq!(heights, [0, 1, 1, Bars::BASE - Bars::TOP]);
        assert!(bars.iter().all(|bar| bar.y + bar.height == Bars::BASE && bar.above > 0));
        assert!(bars.windows(2).all(|two| two[0].x + Bars::BAR <= two[1].x), "no bar covers another");
        let none = Bars::new("x", String::new(), vec![named(0); 12]).each;
        assert!(none.iter().all(|bar| bar.height == 0));
        assert!(none.last().unwrap().x + Bars::BAR <= Bars::WIDTH);
    }

    #[test]
    fn a_large_number_is_in_thousands() {
        assert_eq!([0, 9999, 10_000, 99_999].map(compact), ["0", "9999", "10k", "99k"]);
    }

    #[test]
    fn a_tree_has_a_line_to_each_leaf() {
        let groups =
            [("Memberships", vec!["a".to_owned(), "b".repeat(300)], 7), ("Account", vec!["all".to_owned()], 0)];
        let tree = Tree::new("Rights".to_owned(), "ada@example.com", &groups);
        assert_eq!(tree.leaves.len(), 4);
        assert_eq!((tree.to_groups.len(), tree.to_leaves.len()), (2, 4));
        assert_eq!(tree.leaves[2].text, "and 7 more");
        assert_eq!(tree.leaves[1].text.chars().count(), MAX_NAME);
        assert!(tree.leaves.windows(2).all(|two| two[0].y + Tree::BOX < two[1].y), "no box covers another");
        assert!(tree.leaves.iter().all(|leaf| leaf.y + Tree::BOX / 2 <= tree.height), "all are inside");
        assert_eq!(tree.groups[0].y, tree.leaves[1].y);
        let nothing = Tree::new(String::new(), "bob", &[]);
        assert!(nothing.leaves.is_empty() && nothing.root.y > Tree::BOX / 2);
    }

    #[test]
    fn each_group_has_a_share() {
        assert_eq!(shares(&[100, 2, 1], 20), [17, 2, 1]);
        assert_eq!(shares(&[1, 100, 100], 20), [1, 13, 6]);
        assert_eq!(shares(&[3, 4], 20), [3, 4]);
        assert_eq!(shares(&[], 20), [0; 0]);
    }
}
