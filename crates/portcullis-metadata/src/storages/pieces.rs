//! Statements put together of pieces, so that a condition is written once for both engines.

/// A piece of a statement: text of ours, or a value that is bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// SQL.
    Sql(&'static str),
    /// A text.
    Text(String),
    /// A number.
    Number(i64),
}

/// A statement in the making.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pieces(pub(crate) Vec<Piece>);

impl Pieces {
    pub(crate) fn sql(&mut self, text: &'static str) -> &mut Self {
        self.0.push(Piece::Sql(text));
        self
    }

    pub(crate) fn text(&mut self, value: &impl ToString) -> &mut Self {
        self.0.push(Piece::Text(value.to_string()));
        self
    }

    pub(crate) fn number(&mut self, value: i64) -> &mut Self {
        self.0.push(Piece::Number(value));
        self
    }
}

/// The statement for the engine at hand.
macro_rules! assembled {
    ($pieces:expr) => {{
        let mut query = sqlx::QueryBuilder::new("");
        for piece in &$pieces.0 {
            match piece {
                $crate::storages::pieces::Piece::Sql(text) => query.push(*text),
                $crate::storages::pieces::Piece::Text(value) => query.push_bind(value.clone()),
                $crate::storages::pieces::Piece::Number(value) => query.push_bind(*value),
            };
        }
        query
    }};
}
pub(crate) use assembled;
