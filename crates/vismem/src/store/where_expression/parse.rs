//! Reading conditions.

use std::str::FromStr;

use super::{Comparison, Expression, Name, Pattern, Test, Where, WhereError};
use crate::{AttributeType, AttributeValue};

/// How deep parentheses may be nested.
const DEPTH: usize = 50;
/// How many comparisons there may be.
const TESTS: usize = 500;
/// How many values may be compared with: SQLite takes 32,766 parameters.
const VALUES: usize = 10_000;
/// How many bytes a pattern may have, as in SQLite.
const PATTERN: usize = 50_000;

const WORDS: [&str; 10] = ["and", "or", "not", "in", "like", "glob", "is", "null", "true", "false"];

impl FromStr for Where {
    type Err = WhereError;

    fn from_str(text: &str) -> Result<Self, WhereError> {
        let mut parser = Parser { text, at: 0, end: 0, token: Token::End, depth: 0, tests: 0, values: 0 };
        parser.advance()?;
        let expression = parser.any()?;
        match parser.token {
            Token::End => Ok(Self(expression)),
            _ => Err(parser.expected("and, or, or the end")),
        }
    }
}

impl TryFrom<String> for Where {
    type Error = WhereError;

    fn try_from(text: String) -> Result<Self, WhereError> {
        text.parse()
    }
}

/// Whether a name needs no quotes.
pub(super) fn is_bare(name: &str) -> bool {
    name.starts_with(begins_name)
        && name.chars().all(continues_name)
        && !WORDS.iter().any(|word| word.eq_ignore_ascii_case(name))
        && !Name::BUILT_IN.iter().any(|(built_in, _)| *built_in == name)
}

fn begins_name(character: char) -> bool {
    character.is_alphabetic() || character == '_'
}

fn continues_name(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '-' | '.')
}

#[derive(Debug, Clone, PartialEq)]
enum Token<'t> {
    /// A name or a word, without quotes.
    Bare(&'t str),
    /// In double quotes.
    Quoted(String),
    /// In single quotes.
    Text(String),
    Number(f64),
    Comparison(Comparison),
    Open,
    Close,
    Comma,
    End,
}

struct Parser<'t> {
    text: &'t str,
    /// Where the token begins.
    at: usize,
    /// Where it ends.
    end: usize,
    token: Token<'t>,
    depth: usize,
    tests: usize,
    values: usize,
}

impl<'t> Parser<'t> {
    /// `a or b or c`.
    fn any(&mut self) -> Result<Expression, WhereError> {
        self.several("or", Self::all, Expression::Any)
    }

    /// `a and b and c`.
    fn all(&mut self) -> Result<Expression, WhereError> {
        self.several("and", Self::one, Expression::All)
    }

    fn several(
        &mut self,
        word: &str,
        part: fn(&mut Self) -> Result<Expression, WhereError>,
        join: fn(Vec<Expression>) -> Expression,
    ) -> Result<Expression, WhereError> {
        let first = part(self)?;
        if !self.is_word(word) {
            return Ok(first);
        }
        let mut parts = vec![first];
        while self.is_word(word) {
            self.advance()?;
            parts.push(part(self)?);
        }
        Ok(join(parts))
    }

    /// A comparison or what stands in parentheses, with any number of `not` before it.
    fn one(&mut self) -> Result<Expression, WhereError> {
        let mut negated = false;
        while self.is_word("not") {
            negated = !negated;
            self.advance()?;
        }
        let inner = if self.token == Token::Open {
            self.depth += 1;
            at_most(self.depth, "parentheses are nested", DEPTH)?;
            self.advance()?;
            let inner = self.any()?;
            if self.token != Token::Close {
                return Err(self.expected("and, or, or a closing parenthesis"));
            }
            self.advance()?;
            self.depth -= 1;
            inner
        } else {
            self.test()?
        };
        Ok(match inner {
            inner if !negated => inner,
            Expression::Not(inner) => *inner,
            inner => Expression::Not(Box::new(inner)),
        })
    }

    fn test(&mut self) -> Result<Expression, WhereError> {
        self.tests += 1;
        at_most(self.tests, "comparisons,", TESTS)?;
        let name = match &self.token {
            Token::Bare(name) if !WORDS.iter().any(|word| word.eq_ignore_ascii_case(name)) => {
                let built_in = Name::BUILT_IN.into_iter().find(|(known, _)| known == name);
                built_in.map_or_else(|| Name::Attribute((*name).to_owned()), |(_, name)| name)
            }
            Token::Quoted(name) => Name::Attribute(name.clone()),
            _ => return Err(self.expected("the name of an attribute, id, label, source or batch")),
        };
        self.advance()?;
        if let Token::Comparison(comparison) = self.token {
            self.advance()?;
            return Ok(Expression::Test(name, Test::Compare(comparison, self.value()?)));
        }
        if self.take_word("is")? {
            let negated = self.take_word("not")?;
            if !self.take_word("null")? {
                return Err(self.expected("null"));
            }
            return Ok(Expression::Test(name, Test::Null { negated }));
        }
        let negated = self.take_word("not")?;
        if self.take_word("in")? {
            return Ok(Expression::Test(name, Test::In { values: self.list()?, negated }));
        }
        for pattern in [Pattern::Like, Pattern::Glob] {
            if self.take_word(pattern.word())? {
                let Token::Text(text) = &self.token else { return Err(self.expected("a pattern in single quotes")) };
                at_most(text.len(), "bytes of a pattern,", PATTERN)?;
                let text = text.clone();
                self.advance()?;
                return Ok(Expression::Test(name, Test::Fits { pattern, text, negated }));
            }
        }
        Err(self.expected("a comparison (=, !=, <, <=, >, >=, in, like, glob, is null)"))
    }

    fn list(&mut self) -> Result<Vec<AttributeValue>, WhereError> {
        if self.token != Token::Open {
            return Err(self.expected("values in parentheses"));
        }
        let mut values = Vec::new();
        loop {
            // The parenthesis or a comma.
            self.advance()?;
            values.push(self.value()?);
            match self.token {
                Token::Comma => {}
                Token::Close => break,
                _ => return Err(self.expected("a comma or a closing parenthesis")),
            }
        }
        self.advance()?;
        Ok(values)
    }

    fn value(&mut self) -> Result<AttributeValue, WhereError> {
        self.values += 1;
        at_most(self.values, "values,", VALUES)?;
        let value = match &self.token {
            Token::Text(text) => AttributeValue::Text(text.clone()),
            Token::Number(number) => AttributeValue::Number(*number),
            Token::Bare(word) if word.eq_ignore_ascii_case("true") => AttributeValue::Boolean(true),
            Token::Bare(word) if word.eq_ignore_ascii_case("false") => AttributeValue::Boolean(false),
            Token::Bare(_) | Token::Quoted(_) => {
                return Err(self.expected("a number, true, false, or text in single quotes, such as 'north'"));
            }
            _ => return Err(self.expected("a value, such as 2020, true or 'north'")),
        };
        self.advance()?;
        Ok(value)
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.token, Token::Bare(bare) if bare.eq_ignore_ascii_case(word))
    }

    fn take_word(&mut self, word: &str) -> Result<bool, WhereError> {
        let found = self.is_word(word);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    /// Goes on to the next token.
    fn advance(&mut self) -> Result<(), WhereError> {
        let rest = &self.text[self.end..];
        let trimmed = rest.trim_start();
        self.at = self.end + rest.len() - trimmed.len();
        let Some(first) = trimmed.chars().next() else {
            (self.token, self.end) = (Token::End, self.at);
            return Ok(());
        };
        let (token, length) = match first {
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            ',' => (Token::Comma, 1),
            '\'' => self.quoted(trimmed, '\'').map(|(text, length)| (Token::Text(text), length))?,
            '"' => self.quoted(trimmed, '"').map(|(text, length)| (Token::Quoted(text), length))?,
            '=' | '!' | '<' | '>' => self.sign(trimmed)?,
            first if begins_name(first) => {
                let length = trimmed.find(|character| !continues_name(character)).unwrap_or(trimmed.len());
                (Token::Bare(&trimmed[..length]), length)
            }
            first if first.is_ascii_digit() || matches!(first, '+' | '-' | '.') => self.number(trimmed)?,
            _ => return Err(self.unexpected("a name, a value or a sign", first.to_string())),
        };
        (self.token, self.end) = (token, self.at + length);
        Ok(())
    }

    /// Text within quotes, where two stand for one; and how many bytes it takes, quotes included.
    fn quoted(&self, text: &str, quote: char) -> Result<(String, usize), WhereError> {
        let mut inner = String::new();
        let mut rest = text[1..].char_indices();
        while let Some((place, character)) = rest.next() {
            if character != quote {
                inner.push(character);
            } else if text[place + 2..].starts_with(quote) {
                inner.push(quote);
                rest.next();
            } else {
                return Ok((inner, place + 2));
            }
        }
        Err(self.unexpected(&format!("a closing {quote}"), "the end".into()))
    }

    fn sign(&self, text: &str) -> Result<(Token<'t>, usize), WhereError> {
        let signs = [
            ("==", Comparison::Equal),
            ("!=", Comparison::NotEqual),
            ("<>", Comparison::NotEqual),
            ("<=", Comparison::LessOrEqual),
            (">=", Comparison::GreaterOrEqual),
            ("=", Comparison::Equal),
            ("<", Comparison::Less),
            (">", Comparison::Greater),
        ];
        let sign = signs.into_iter().find(|(sign, _)| text.starts_with(sign));
        let (sign, comparison) = sign.ok_or_else(|| self.unexpected("a comparison", "!".into()))?;
        Ok((Token::Comparison(comparison), sign.len()))
    }

    fn number(&self, text: &str) -> Result<(Token<'t>, usize), WhereError> {
        let mut before = ' ';
        let length = text.find(|character: char| {
            let sign_after_exponent = matches!(character, '+' | '-') && matches!(before, 'e' | 'E' | ' ');
            before = character;
            !(character.is_ascii_alphanumeric() || character == '.' || sign_after_exponent)
        });
        let digits = &text[..length.unwrap_or(text.len())];
        match AttributeValue::parse(digits, AttributeType::Number) {
            Some(AttributeValue::Number(number)) => Ok((Token::Number(number), digits.len())),
            _ => Err(self
                .unexpected("a number that can be kept exactly; other codes are text in single quotes", digits.into())),
        }
    }

    /// The token is not what could stand here.
    fn expected(&self, expected: &str) -> WhereError {
        let found = match self.token {
            Token::End => "the end".into(),
            _ => self.text[self.at..self.end].to_owned(),
        };
        self.unexpected(expected, found)
    }

    fn unexpected(&self, expected: &str, found: String) -> WhereError {
        const SHOWN: usize = 40;
        let found = match found.char_indices().nth(SHOWN) {
            Some((end, _)) => format!("{}…", &found[..end]),
            None => found,
        };
        let at = self.text[..self.at].chars().count() + 1;
        WhereError::Syntax { at, expected: expected.into(), found }
    }
}

fn at_most(number: usize, what: &'static str, most: usize) -> Result<(), WhereError> {
    if number > most { Err(WhereError::TooLarge { what, most }) } else { Ok(()) }
}
