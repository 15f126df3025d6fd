/** The workflow as a drawing that lays itself out. */
import '@xyflow/react/dist/base.css';
import {
  Background,
  Controls,
  type EdgeChange,
  MiniMap,
  type NodeChange,
  ReactFlow,
  type ReactFlowInstance,
  ReactFlowProvider,
  useReactFlow,
} from '@xyflow/react';
import { useEffect, useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { toast } from 'sonner';
import { useEdited, useEditor } from '../editor';
import { elk } from '../elk';
import { type Layout, layout, START, shapeOf } from '../graph/layout';
import { closesCircle, connected } from '../graph/steps';
import { type Card, FrameView, LoopView, StartView, StepView } from './cards';
import { cardsOf, type Kept, type Wire, wiresOf } from './flow';
import { Arrows, WireView } from './wire';

const nodeTypes = { step: StepView, loop: LoopView, frame: FrameView, start: StartView };
const edgeTypes = { wire: WireView };
const LEAST_READABLE = 0.4;
const nothing: Layout = { boxes: new Map(), routes: new Map() };

/** Everything when it is readable so, else where a run begins. */
function showAll(flow: ReactFlowInstance<Card, Wire>, laid: Layout, place: HTMLElement | null): void {
  const boxes = [...laid.boxes.values()];
  const width = Math.max(...boxes.map((box) => box.x + box.width));
  const height = Math.max(...boxes.map((box) => box.y + box.height));
  const room = place?.getBoundingClientRect();
  const zoom = room ? Math.min(room.width / width, room.height / height) : 1;
  const start = laid.boxes.get(START);
  if (zoom > LEAST_READABLE || !start || !room) void flow.fitView({ padding: 0.12, maxZoom: 1 });
  else void flow.setCenter(start.x + start.width / 2, start.y + room.height / 2 / 0.75 - 40, { zoom: 0.75 });
}

function Drawing() {
  const { t } = useTranslation();
  const editor = useEditor();
  const flow = useReactFlow<Card, Wire>();
  const place = useRef<HTMLDivElement>(null);
  const graph = useEdited((state) => state.graph);
  const chosen = useEdited((state) => state.chosen);
  const edge = useEdited((state) => state.edge);
  const faults = useEdited((state) => state.faults);
  const file = useEdited((state) => state.file);
  const [laid, setLaid] = useState(nothing);
  const [fitted, setFitted] = useState('');
  const cards = useRef<Kept<Card>>(new Map());
  const wires = useRef<Kept<Wire>>(new Map());
  const shape = shapeOf(graph);

  // biome-ignore lint/correctness/useExhaustiveDependencies: a layout depends on the shape alone
  useEffect(() => {
    let left = false;
    void elk()
      .then((engine) => layout(graph, engine))
      .then((done) => !left && setLaid(done));
    return () => {
      left = true;
    };
  }, [shape]);

  useEffect(() => {
    if (laid.boxes.size === 0 || fitted === file) return;
    setFitted(file);
    requestAnimationFrame(() => showAll(flow, laid, place.current));
  }, [laid, file, fitted, flow]);

  const nodes = useMemo(
    () =>
      cardsOf(graph, laid, chosen, faults, cards.current, (key) =>
        key.startsWith('@') ? t('ui.editor.start') : t('ui.editor.step.named', { id: key }),
      ),
    [graph, laid, chosen, faults, t],
  );
  const edges = useMemo(() => wiresOf(graph, laid, edge, wires.current), [graph, laid, edge]);

  const onNodesChange = (changes: NodeChange<Card>[]) => {
    const picks = changes.filter((change) => change.type === 'select');
    if (picks.length === 0) return;
    const next = new Set(editor.state.chosen);
    for (const { id, selected } of picks) {
      if (selected) next.add(id);
      else next.delete(id);
    }
    editor.choose(next);
  };
  const onEdgesChange = (changes: EdgeChange<Wire>[]) => {
    const pick = changes.findLast((change) => change.type === 'select');
    if (pick?.type === 'select') editor.chooseEdge(pick.selected ? pick.id : undefined);
  };
  const connects = (source: string, target: string): boolean => {
    const [one, other] = [source, target].map((key) => graph.steps.find((step) => step.key === key));
    return (
      one !== undefined && other !== undefined && one.parent === other.parent && one.section === other.section
    );
  };

  return (
    <ReactFlow<Card, Wire>
      ref={place}
      nodes={nodes}
      edges={edges}
      nodeTypes={nodeTypes}
      edgeTypes={edgeTypes}
      onNodesChange={onNodesChange}
      onEdgesChange={onEdgesChange}
      onConnect={({ source, target }) => {
        if (closesCircle(graph.edges, source, target)) toast.error(t('ui.editor.circle'));
        else editor.change((now) => connected(now, source, target));
      }}
      isValidConnection={({ source, target }) => source !== target && connects(source, target)}
      nodesDraggable={false}
      onlyRenderVisibleElements
      elevateNodesOnSelect={false}
      deleteKeyCode={null}
      multiSelectionKeyCode={['Shift', 'Meta', 'Control']}
      selectionKeyCode="Shift"
      panOnScroll
      minZoom={0.1}
      maxZoom={1.75}
      proOptions={{ hideAttribution: true }}
      ariaLabelConfig={{
        'node.a11yDescription.default': t('ui.editor.keys.node'),
        'edge.a11yDescription.default': t('ui.editor.keys.edge'),
        'controls.zoomIn.ariaLabel': t('ui.editor.zoom_in'),
        'controls.zoomOut.ariaLabel': t('ui.editor.zoom_out'),
        'controls.fitView.ariaLabel': t('ui.editor.fit'),
        'minimap.ariaLabel': t('ui.editor.minimap'),
      }}
    >
      <Arrows />
      <Background gap={22} size={1.2} color="var(--border)" />
      <Controls showInteractive={false} className="editor-controls" />
      <MiniMap
        pannable
        zoomable
        className="!bg-card rounded-lg border"
        maskColor="color-mix(in oklch, var(--background) 70%, transparent)"
        nodeColor={(node) => (node.type === 'start' ? 'var(--plate)' : 'var(--input)')}
        nodeBorderRadius={8}
      />
    </ReactFlow>
  );
}

export function Canvas() {
  return (
    <ReactFlowProvider>
      <Drawing />
    </ReactFlowProvider>
  );
}
