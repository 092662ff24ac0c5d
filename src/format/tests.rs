//! What the formatter makes of each construct. That it keeps programs and comments is tested on whole programs, in `tests/it/format.rs`.

use super::format;
use crate::source::SourceMap;

fn formatted(text: &str) -> String {
    let file = SourceMap::new().add("program.nn", text);
    format(file, text).unwrap_or_else(|found| panic!("{found:#?}"))
}

/// What blanks, blank lines and line ends become.
#[test]
fn heads_blanks_and_statements_on_one_line() {
    let text = concat!(
        "\u{feff}\n",
        "\n",
        "# A header.\n",
        "#   kept as it is.\n",
        "\n",
        "\n",
        "##   documentation\n",
        "input  x,y :  [ 1,28 , 28 ]    \n",
        "input z:index< 10 >[ T ]   from   normal( 0,1 )\n",
        "a=1\tb   =2\r\n",
        "\r\n",
        "\r\n",
        "c=a",
    );
    insta::assert_snapshot!(formatted(text));
}

/// Blanks around operators, in brackets and types; what an author breaks stays broken.
#[test]
fn operators_and_brackets() {
    let text = r#"x = -a^2+not_b*( c-d )@e%f   # why
y = not a and b or c==d
z=x[ 1 : ,: : 2, .. , a+1:2*n]as[ 2,T ]
r = m.f ( x , axis = -1 , )
for i,j in 0 .. n-1 { w = ((i)) }
p = x|>f|>L( 3 )( y )
q = x
  |> f |> g
"#;
    insta::assert_snapshot!(formatted(text));
}

/// Where lines over 100 characters are broken.
#[test]
fn long_lines() {
    let text = r#"long_name_of_a_value = some_function(first_argument, second_argument, third = 3, fourth = 4, fifth = 5)
long_name_of_a_value = first_summand_of_many * factor_of_it + second_summand_of_many - third_summand_x
long_name_of_a_value = first_summand_of_many * factor_of_it + second_summand_of_many - third_summand_x + fourth
h = input_of_all |> Convolution(16, kernel = 5, pad = 2, stride = 2) |> relu |> Affine(128) |> relu
h = x |> Convolution(channels(x) * multiplier, kernel, stride, pad, dilation, group = channels(x), wi = b)
h = reshape(x, [1, 2, 3]) |> Convolution(channels(x) * multiplier, kernel, stride, pad, dilation, group)
h = a_condition_of_some_length or another_condition_of_some_length and not the_third_one or the_last == 0
const taps = tensor([[0.25, 0.5, 0.25, 0.125, 0.0625], [0.25, 0.5, 0.25, 0.125, 0.0625], [0.25, 0.5, 0.25]])
const many = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30]
const rows = [
  1,0,-1,
  2,0,-2,
]
import "a/file/with/a/long/path/to/it.nn": first_name, second_name, third_name, fourth_name, fifth_name
assert shape(a_tensor_of_some_kind) == [18, 28, 28, 3], "the last width is {h}, which is not what it should be"
first_result, second_result = function_with_results(first_argument, second), another_function(argument, b)
y = Convolution(channels_of_x * multiplier, kernel, stride, pad, dilation, group = channels, more = ab)(x)
y = MultiHeadAttention(heads)(query_of_all_the_things, key_of_all_the_things, value_of_all_the_things, bb)
y = very_long_function(first_argument_of_it, second_argument_of_it, third_argument_of_it, fourth)[0][1:, 2]
param h_0_Block_mixed_LayerNormalization_gamma "h.0.Block.mixed.LayerNormalization.gamma": [64] decay 0
"#;
    insta::assert_snapshot!(formatted(text));
}

/// Every statement; what stands on one line and what does not.
#[test]
fn definitions_and_blocks() {
    let text = r#"fn f(x,t:[..S],eps:float=1e-3)->[..S],f32=x,t
fn long(first: [C, H, W], second: float = 0.5, third: list = [0.02, 0.4], fourth: list = [0.3, 10 / 3]) -> [C, H, W] = first
fn w(x:[N]) where N>2,"too {N}" ,N % 2==0 =x
fn v(x) where rank(x) > 0 = x
layer L(n:int)(x:[N]) where n>=N,"a bottleneck" {
param w "p.w":[N,n] decay 0 lr 0.1 frozen=normal(0,1)
state s:[n]=zeros()
if training{update s=s*0.9} else {a=1}
return x@w
}
layer Dropout(p: float = 0.5)(x) { return dropout(x, p) }
layer Empty()(x) {

}
test "t"{assert 1==1}
loss a for gen,dis.b weight minimum(1,progress*4)=x
metric m=x output o output p=x
data train{x=csv("a.csv"),y=csv("b.csv")}
data test = csv("c.csv")
train{optimizer d=adam(lr=1e-3) batch=4 order=[d,d,g] monitor=loss}
fn short(x) = if x > 0 { 1 } else if x < 0 { -1 } else { 0 }
fn broken(x) = if x > 0 {
1 } else { y = 2 y }
if a { b = 1 } else if c { d = 2 } else { e = 3 }
"#;
    insta::assert_snapshot!(formatted(text));
}

/// Comments at every place.
#[test]
fn comments() {
    let text = r#"a = f(x, # the first
  y # the second
)
b = f( # open
  # above
  x
  # below
)
c = x # head
  |> f # one
  # own
  |> g # two
d = a + # plus
  b
e = [ # none
]
fn g(x) # head
{ # body
  # inside
  y = x   # yes

  # last
}
if a { # then
  b = 1
}
# otherwise
else { c = 2 }
# allow W0504
h = a_function_of_many_arguments(first_argument, second_argument, third_argument, fourth_argument, fifth)
h = a_function_of_many_arguments(first_argument, second_argument, third_argument, fourth_argument, fifth)
t = 1       # [16]
tu = 2      # [16, 2]
tuv = 3 # other
s = f # strange
(x)
"#;
    insta::assert_snapshot!(formatted(text));
}

#[test]
fn texts_without_statements() {
    assert_eq!(formatted(""), "");
    assert_eq!(formatted(" \n\n"), "");
    assert_eq!(formatted("\n\n# a\n\n\n# b"), "# a\n\n# b\n");
}

#[test]
fn a_text_with_faults_is_not_formatted() {
    let text = "a = f(1\nb = 2\n";
    let file = SourceMap::new().add("program.nn", text);
    let found = format(file, text).expect_err("a bracket is open");
    assert!(found.iter().any(|diagnostic| diagnostic.is_error()));
}
