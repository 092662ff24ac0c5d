" Vim syntax file for `.nn`, the language of neural networks and losses that nnlc compiles.
"
" Word lists are made from the compiler's tables by `UPDATE=1 cargo test editors`; the rest is written by hand.

if exists("b:current_syntax")
  finish
endif
let s:cpo = &cpo
set cpo&vim
syn spell toplevel
syn sync minlines=100

" What an expression may hold.
syn cluster nnExpr contains=nnComment,nnDoc,nnString,nnNumber,nnBadNumber,nnControl,nnWordOperator,nnConstant,nnModifier,nnAs,nnPrim,
  \nnCall,nnPiped,nnLayerCall,nnLayerPiped,nnOperator,nnForeign,nnParens,nnBrackets,nnTypeName,nnIndex

" Names and calls. The later rule wins.
syn match nnCall /\<\k\+\ze(/ contains=nnLibraryFunction
syn match nnPiped /\%(|>\s*\)\@<=\<\%(\a\|_\|[^\x00-\x7F]\)\k*/ contains=nnLibraryFunction
syn match nnLayerCall /\<[[:upper:]]\k*\ze(/ contains=nnLibraryLayer
syn match nnLayerPiped /\%(|>\s*\)\@<=\<[[:upper:]]\k*/ contains=nnLibraryLayer
syn keyword nnLibraryFunction contained
  \ above_zero abs absolute_error accuracy acos acosh add all all_samples along any arange argmax
  \ argmin argsort as_index asin asinh atan atan2 atanh attention average_pooling axes_of axis_last
  \ batch_matmul bernoulli binary_cross_entropy binary_error broadcast cast categorical_cross_entropy
  \ ceil celu channels cholesky clamp close concatenate confusion_matrix constant contract
  \ contrastive_loss convolution convolution_data_gradient convolution_weight_gradient cos cosh
  \ cosine_loss cosine_similarity crelu ctc_loss cumprod cumsum deconvolution depthwise_convolution
  \ det dice_loss div dot dropout each einsum eliminated elu ema epsilon_insensitive_loss equal
  \ erased_at_random erf exp expm1 eye fan_in fan_out file flatten flip float floor focal_loss full
  \ gather gelu global_average_pooling glorot_normal glorot_uniform grad gradients_match greater
  \ greater_equal hard_sigmoid hard_tanh he_normal he_uniform hinge_loss huber_loss identity int
  \ interpolate inv iota is_inf is_list is_nan is_str kept_sizes kl_multinomial kl_normal leaky_relu
  \ len less less_equal linspace log log1p log_cosh log_sigmoid log_softmax logdet logical_and
  \ logical_not logical_or logical_xor logsumexp matmul matrix_diag matrix_diag_part max max_pooling
  \ max_pooling_gradient max_pooling_pick maximum mean min minimum mish mod moments mul neg
  \ negative_at norm normal normalize not_equal not_in_top of_length_one one_hot ones orthogonal
  \ other_axes outer pad pad_same poisson_loss positions pow prelu prod product quantile_loss rand
  \ randint randn random_crop random_erase random_flip random_shift range rank rearrange reciprocal
  \ relu relu6 repeat reset_inf reset_nan reshape resized reversed round rsqrt sample_index scan
  \ scatter_add selu shape shift shifted shifted_at_random sigmoid sigmoid_cross_entropy sign silu
  \ sin sinc sinh size size_along slice smooth_l1 softmax softmax_cross_entropy softplus softsign
  \ sort split sqrt square squared_error squeeze ssim stack std stop_gradient sub sum sum_pooling
  \ sum_pooling_gradient swish tan tanh tanh_shrink tensor tile top_k top_n_error transpose tri_lower
  \ tri_upper triplet_loss uniform unpooling unsqueeze var where window_axes zeros
syn keyword nnLibraryLayer contained
  \ Affine AveragePooling BatchNormalization Convolution Deconvolution DepthwiseConvolution Dropout
  \ ElmanRNN Embed GRU GroupNormalization InstanceNormalization LSTM LayerNormalization MaxPooling
  \ MultiHeadAttention PReLU RMSNormalization SpectralNorm TransformerBlock WeightNormalization
syn match nnPrim /\<prim\ze\./

" Words of expressions.
syn keyword nnControl for in if else return import assert
syn keyword nnWordOperator and or not
syn keyword nnConstant true false training
syn keyword nnModifier frozen
syn match nnAs /\<as\ze\s\+\%(\[\|\a\|_\|[^\x00-\x7F]\)/
syn match nnFrom /\<from\ze\s\+\%(\a\|_\|[^\x00-\x7F]\)/

" Types.
syn match nnTypeName /\<\%(f32\|i32\|bool\)\>\|\<index\ze</ contains=nnType
syn keyword nnType contained
  \ f32 i32 bool index
syn match nnHyperType /:\s*\zs\<\%(int\|float\|bool\|str\|fn\|list\|dtype\)\>/ contained

" Operators, and what other languages write.
syn match nnOperator /|>\|->\|==\|!=\|<=\|>=\|\.\.\|[-+*\/%@^<>=]/
syn match nnForeign /&&\|||\|\*\*\|\/\/\|[-+*\/:]==\@!\|=>\|\.\.\.\|;\|?\|'\|!=\@!/

" Brackets keep an `=` or a `{` inside them from ending a head.
syn region nnParens start=/(/ end=/)/ transparent contains=@nnExpr,nnHyperType
syn region nnBrackets start=/\[/ end=/\]/ transparent contains=@nnExpr

" Statements. Words of one place are names elsewhere: `data = 1`, `where(a, b, c)`.
syn keyword nnStatement const metric output input
syn region nnHead matchgroup=nnStatement start=/\<\%(fn\|layer\)\>\ze\s\+\k/ matchgroup=nnOperator end=/[=!<>]\@1<!==\@!/
  \ matchgroup=NONE end=/\ze{/ contains=@nnExpr,nnFunctionName,nnLayerName,nnWhere,nnMessage
syn match nnFunctionName /\%(\<fn\s\+\)\@<=\k\+/ contained
syn match nnLayerName /\%(\<layer\s\+\)\@<=\k\+/ contained
syn match nnWhere /\<where\>/ contained

syn region nnLossHead matchgroup=nnStatement start=/\<loss\>/ matchgroup=nnOperator end=/[=!<>]\@1<!==\@!/
  \ matchgroup=NONE end=/$/ contains=@nnExpr,nnLossFor,nnWeight,nnLossWeight,nnProgress,nnLossParens
syn keyword nnLossFor contained for
syn region nnLossParens matchgroup=nnDelimiter start=/(/ end=/)/ contained contains=@nnExpr,nnProgress,nnLossParens
syn match nnWeight /\<weight\>\ze\s*\%($\|[^=, \t]\|==\)/ contained
syn match nnLossWeight /\%(\<loss\s\+\)\@<=weight\ze\s*\%(=[^=]\|=$\|,\)/ contained
syn keyword nnProgress contained progress epoch step

syn region nnParamHead matchgroup=nnStatement start=/\<\%(param\|state\)\>\ze\s\+\%(\a\|_\|[^\x00-\x7F]\)\k*\s*[:"]/
  \ matchgroup=nnOperator end=/[=!<>]\@1<!==\@!/ matchgroup=NONE end=/$/ contains=@nnExpr,nnRate
syn match nnRate /\<\%(lr\|decay\)\>\ze\s*\%($\|[^=, \t]\|==\)/ contained

syn match nnStatement /\<update\ze\s\+\%(\a\|_\|[^\x00-\x7F]\)\k*\s*==\@!/
syn match nnStatement /\<test\ze\s*"/

" Data sets and training.
syn match nnData /\<data\s\+\k\+\s*\ze{/ contains=nnDataWord,nnSetName nextgroup=nnDataBlock
syn match nnData /\<data\s\+\k\+\s*\ze==\@!/ contains=nnDataWord,nnSetName nextgroup=nnDataLine
syn match nnDataWord /\<data\>\ze\s\+\k/ contained
syn match nnSetName /\%(\<data\s\+\)\@<=\k\+/ contained
syn region nnDataBlock start=/{/ end=/}/ contained contains=@nnExpr,nnReaderCall
syn match nnDataLine /=.*/ contained contains=@nnExpr,nnReaderCall
syn match nnReaderCall /\<\k\+\ze(/ contained contains=nnReader,nnLibraryFunction
syn keyword nnReader contained
  \ csv idx images npy npz parquet safetensors text
syn match nnTrain /\%(^\|}\)\@1<=\s*train\s*\ze{/ contains=nnTrainWord nextgroup=nnTrainBlock
syn match nnTrainWord /\<train\>/ contained
syn region nnTrainBlock start=/{/ end=/}/ contained contains=@nnExpr,nnSettingName,nnOptimizer
syn match nnSettingName /\<\k\+\ze\%(\s\+\k\+\)\?\s*==\@!/ contained contains=nnSetting
syn keyword nnSetting contained
  \ optimizer schedule batch epochs steps seed shuffle clip_norm clip_value accumulate order keep
  \ monitor patience weight_decay
syn keyword nnOptimizer contained
  \ sgd momentum nesterov adagrad adadelta rmsprop adam adamw adamax amsgrad adabound adabelief sgdw
  \ lars lamb lion

" Text. These come last, so that nothing above matches inside them.
syn match nnBadNumber /\<\d\%(_\?\d\)*\%(\.\d\%(_\?\d\)*\)\?\%([eE][+-]\?\d\%(_\?\d\)*\)\?\%(_\|[^0-9[:space:][:punct:]]\)\k*/
syn match nnNumber /\<\d\%(_\?\d\)*\%(\.\d\%(_\?\d\)*\)\?\%([eE][+-]\?\d\%(_\?\d\)*\)\?\>/
syn region nnString start=/"/ skip=/\\./ end=/"/ oneline contains=nnEscape,nnBadEscape,@Spell
syn region nnMessage start=/"/ skip=/\\./ end=/"/ oneline contained contains=nnEscape,nnBadEscape,nnInterpolation,@Spell
syn match nnInterpolation /{[^}"]*}/ contained
syn match nnBadEscape /\\./ contained
syn match nnEscape /\\[ntr\\"]/ contained
syn match nnComment /#.*/ contains=@Spell,nnTodo
syn match nnDoc /###\@!.*/ contains=@Spell,nnDocCode
syn match nnDocCode /`[^`]*`/ contained contains=@NoSpell
syn keyword nnTodo contained TODO FIXME NOTE

hi def link nnBadEscape Error
hi def link nnBadNumber Error
hi def link nnCall Function
hi def link nnComment Comment
hi def link nnConstant Boolean
hi def link nnControl Conditional
hi def link nnDataWord Statement
hi def link nnDoc SpecialComment
hi def link nnDocCode Special
hi def link nnEscape SpecialChar
hi def link nnAs Keyword
hi def link nnForeign Error
hi def link nnFrom Keyword
hi def link nnFunctionName Function
hi def link nnHyperType Type
hi def link nnInterpolation Special
hi def link nnLayerCall Structure
hi def link nnLayerName Structure
hi def link nnLayerPiped Structure
hi def link nnLibraryFunction Function
hi def link nnLibraryLayer Structure
hi def link nnLossFor Keyword
hi def link nnMessage String
hi def link nnModifier Keyword
hi def link nnNumber Number
hi def link nnOperator Operator
hi def link nnOptimizer Function
hi def link nnPiped Function
hi def link nnPrim Special
hi def link nnProgress Special
hi def link nnRate Keyword
hi def link nnReader Function
hi def link nnSetName Title
hi def link nnSetting Identifier
hi def link nnStatement Statement
hi def link nnString String
hi def link nnTodo Todo
hi def link nnTrainWord Statement
hi def link nnType Type
hi def link nnTypeName Type
hi def link nnWeight Keyword
hi def link nnWhere Keyword
hi def link nnWordOperator Operator

let b:current_syntax = "nn"
let &cpo = s:cpo
unlet s:cpo
