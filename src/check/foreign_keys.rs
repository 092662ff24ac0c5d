//! Arguments, settings and data sets of PyTorch, Keras, Neural Network Console and NNabla, and what they are called here. The names of
//! functions and layers are in `foreign`.

/// The argument or setting of the same meaning, for each foreign word.
const SAME: &[(&str, &str)] = &[
    ("alpha", "lr"),
    ("axes", "axis"),
    ("batchsize", "batch"),
    ("batch_size", "batch"),
    ("bias", "with_bias"),
    ("bias_initializer", "b_init"),
    ("clip_grad_norm", "clip_norm"),
    ("clipnorm", "clip_norm"),
    ("clipvalue", "clip_value"),
    ("dilation_rate", "dilation"),
    ("dim", "axis"),
    ("early_stopping", "patience"),
    ("embedding_dim", "n"),
    ("epsilon", "eps"),
    ("filters", "maps"),
    ("gradient_accumulation_steps", "accumulate"),
    ("groups", "group"),
    ("hidden_size", "n"),
    ("keep_dims", "keepdims"),
    ("keepdim", "keepdims"),
    ("kernel_initializer", "w_init"),
    ("kernel_shape", "kernel"),
    ("kernel_size", "kernel"),
    ("learning_rate", "lr"),
    ("lr_scheduler", "schedule"),
    ("max_epoch", "epochs"),
    ("max_epochs", "epochs"),
    ("max_iter", "steps"),
    ("max_steps", "steps"),
    ("min", "low"),
    ("max", "high"),
    ("negative_slope", "alpha"),
    ("nhead", "heads"),
    ("num_epochs", "epochs"),
    ("num_heads", "heads"),
    ("num_steps", "steps"),
    ("optim", "optimizer"),
    ("out_channels", "maps"),
    ("out_features", "n"),
    ("outmaps", "maps"),
    ("output_size", "n"),
    ("padding", "pad"),
    ("pool_size", "kernel"),
    ("random_seed", "seed"),
    ("rate", "p"),
    ("scheduler", "schedule"),
    ("strides", "stride"),
    ("units", "n"),
    ("use_bias", "with_bias"),
];

/// Foreign arguments that are said in another way here.
const OTHERWISE: &[(&str, &str)] = &[
    ("activation", "pass the result on to the function: `x |> Affine(n) |> relu`"),
    ("affine", "leave it out: the layer owns its scale and its shift"),
    ("from_logits", "the function's name says it: `softmax_cross_entropy` and `sigmoid_cross_entropy` take logits"),
    ("in_channels", "leave it out: sizes are taken from the value that comes in"),
    ("in_features", "leave it out: sizes are taken from the value that comes in"),
    ("inplace", "leave it out: values are never changed"),
    ("input_dim", "leave it out: sizes are taken from the value that comes in"),
    ("input_shape", "leave it out: sizes are taken from the value that comes in"),
    ("keep_prob", "say the share to drop instead: `Dropout(p)`"),
    ("kernel_regularizer", "give the weights' decay to the training: `train { weight_decay = 1e-4 }`"),
    (
        "momentum",
        "`decay` is how much of the running value is kept: PyTorch's `momentum` is `1 - decay`, Keras's is `decay`",
    ),
    ("name", "leave it out: a parameter is called after the value that its layer is bound to"),
    ("num_features", "leave it out: sizes are taken from the value that comes in"),
    (
        "reduction",
        "leave it out: a loss of any shape is averaged over its elements and over the samples; `sum(...)` adds up",
    ),
    ("size_average", "leave it out: a loss of any shape is averaged over its elements and over the samples"),
    ("trainable", "leave it out: a parameter that stays as it is, is declared `frozen`"),
    ("weight_decay", "give it to the training, `train { weight_decay = 1e-4 }`, or use `adamw` or `sgdw`"),
];

/// The names by which other frameworks call the validation set and the training set.
const SETS: &[(&str, &str)] = &[
    ("dev", "validation"),
    ("eval", "validation"),
    ("evaluation", "validation"),
    ("fit", "train"),
    ("training", "train"),
    ("val", "validation"),
    ("valid", "validation"),
];

/// The functions and classes by which Python's libraries read files.
const READERS: &[(&str, &str)] = &[
    ("genfromtxt", "csv"),
    ("ImageFolder", "images"),
    ("image_dataset_from_directory", "images"),
    ("imread", "images"),
    ("load", "npy"),
    ("load_file", "safetensors"),
    ("loadtxt", "csv"),
    ("read_csv", "csv"),
    ("read_parquet", "parquet"),
    ("read_table", "parquet"),
    ("scan_csv", "csv"),
    ("scan_parquet", "parquet"),
];

/// Which of `names` another framework calls `word`.
pub fn key<'n>(word: &str, names: &[&'n str]) -> Option<&'n str> {
    let meant = SAME.iter().find(|(foreign, _)| *foreign == word)?.1;
    names.iter().copied().find(|name| *name == meant)
}

/// How to say what another framework says by the argument `word`.
pub fn otherwise(word: &str) -> Option<&'static str> {
    OTHERWISE.iter().find(|(foreign, _)| *foreign == word).map(|(_, say)| *say)
}

/// The data set that another framework calls `word`.
pub fn data_set(word: &str) -> Option<&'static str> {
    SETS.iter().find(|(foreign, _)| *foreign == word).map(|(_, set)| *set)
}

/// The reader that does what Python's libraries call `word`.
pub fn reader(word: &str) -> Option<&'static str> {
    READERS.iter().find(|(foreign, _)| *foreign == word).map(|(_, reader)| *reader)
}
